# Symbols, stacks and Python frames of live processes, against libdwfl,
# addr2line, gdb and the interpreters themselves.

.PHONY: check-native

$(B)/tests/native/native_driver: tests/native/native_driver.c $(B)/libprivate.a
	$(call say,TEST,$@)
	$(q)mkdir -p $(@D) && $(CC) $(common) $(inc_lib) $(CPPFLAGS) $(CFLAGS) $(ldflags) \
		-o $@ $< $(B)/libprivate.a $(lib_libs)

-include $(B)/tests/native/native_driver.d

check-native: $(B)/tmattach $(B)/tests/native/native_driver
	-$(q)tests/install-deps native
	$(q)tests/native/run-native $(B)/tmattach $(B)/tests/native/native_driver $(B)/tests/native/scratch

CHECKS += check-native
