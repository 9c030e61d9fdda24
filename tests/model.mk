# The model against Python's own tracemalloc. LONG=1 for the long form.

.PHONY: check-model bench-model

model_programs := $(B)/tests/oracle/model_driver $(B)/tests/bench/model_bench

$(model_programs): $(B)/tests/%: tests/%.c $(B)/libprivate.a
	$(call say,TEST,$@)
	$(q)mkdir -p $(@D) && $(CC) $(common) $(inc_lib) $(CPPFLAGS) $(CFLAGS) $(ldflags) \
		-o $@ $< $(B)/libprivate.a $(lib_libs)

check-model: $(B)/tests/oracle/model_driver
	$(q)tests/oracle/run-model $(B)/tests/oracle/model_driver

CHECKS += check-model

bench-model: $(B)/tests/bench/model_bench
	$(q)$<

-include $(model_programs:=.d)
