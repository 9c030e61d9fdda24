# The model against Python's own tracemalloc. LONG=1 for the long form.

.PHONY: check-model

$(B)/tests/oracle/model_driver: tests/oracle/model_driver.c $(B)/libtmattach.a
	$(call say,TEST,$@)
	$(q)mkdir -p $(@D) && $(CC) $(common) $(inc_lib) $(CPPFLAGS) $(CFLAGS) $(ldflags) \
		-o $@ $< $(B)/libtmattach.a $(lib_libs)

check-model: $(B)/tests/oracle/model_driver
	$(q)tests/oracle/run-model $(B)/tests/oracle/model_driver

check: check-model

-include $(B)/tests/oracle/model_driver.d
