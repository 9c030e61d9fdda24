# The recorder: one freestanding image, turned into a C array of the library.
# Its flags are its own: no sanitizer, no coverage, no stack protector.

recorder_src := $(sort $(wildcard src/recorder/*.c))
recorder_obj := $(B)/gen/recorder.o $(B)/gen/recorder_entry.o
recorder_c   := $(B)/gen/recorder_image.c

recorder_flags := -std=gnu17 $(warnings) -O2 -g -MMD -MP -Iinclude -Isrc -I. \
	-ffreestanding -fno-stack-protector -fvisibility=hidden -fPIC \
	-fno-omit-frame-pointer -mgeneral-regs-only -fcf-protection=branch \
	-fno-asynchronous-unwind-tables -fno-builtin -fno-strict-aliasing \
	$(if $(findstring clang,$(CC)),,-fno-tree-loop-distribute-patterns)
recorder_link := -shared -nostdlib -Wl,-Bsymbolic -Wl,-z,norelro \
	-Wl,--no-undefined -Wl,--build-id=none -Wl,--hash-style=sysv \
	-Wl,-T,src/recorder/recorder.ld

# One unit, so that what is called for every block is put in place.
$(B)/gen/recorder.o: $(recorder_src) src/recorder/recorder.mk
	$(call say,CC,src/recorder)
	$(q)mkdir -p $(@D) && printf '#include "%s"\n' $(recorder_src) | \
		$(CC) $(recorder_flags) -x c -c -o $@ -

$(B)/gen/recorder_entry.o: src/recorder/entry_x86_64.S
	$(call say,CC,$<)
	$(q)mkdir -p $(@D) && $(CC) -Isrc -MMD -MP -c -o $@ $<

$(B)/recorder.elf: $(recorder_obj) src/recorder/recorder.ld
	$(call say,LD,$@)
	$(q)$(CC) $(recorder_link) -o $@ $(recorder_obj)

$(recorder_c): $(B)/recorder.elf src/recorder/embed
	$(call say,EMBED,$@)
	$(q)mkdir -p $(@D) && src/recorder/embed $< $@

$(B)/gen/recorder_image.o: $(recorder_c)
	$(call say,CC,$<)
	$(q)$(CC) $(common) $(inc_lib) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

lib_obj += $(B)/gen/recorder_image.o

-include $(recorder_obj:.o=.d)
