# The recorder in real processes.

$(B)/tests/live/recorder_driver: tests/live/recorder_driver.c $(B)/libtmattach.a
	$(call say,TEST,$@)
	$(q)mkdir -p $(@D) && $(CC) $(common) $(inc_lib) $(CPPFLAGS) $(CFLAGS) $(ldflags) \
		-o $@ $< $(B)/libtmattach.a $(lib_libs)

-include $(B)/tests/live/recorder_driver.d
