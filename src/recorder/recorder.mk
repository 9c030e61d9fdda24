# The recorder: one freestanding image, turned into a C array of the library.
# Its flags are its own: no sanitizer, no coverage, no stack protector.

recorder_src := $(sort $(wildcard src/recorder/*.c))
recorder_obj := $(B)/gen/recorder.o $(B)/gen/recorder_entry.o \
	$(B)/gen/recorder_entry_python.o
recorder_c   := $(B)/gen/recorder_image.c

# clang restores the registers that a function keeps (KEEPS) before it jumps to
# another one at its end, also those of the other's arguments.
recorder_flags := -std=gnu17 $(warnings) -O2 -g -MMD -MP -Iinclude -Isrc $(inc_arch) -I. \
	-ffreestanding -fno-stack-protector -fvisibility=hidden -fPIC \
	-fno-omit-frame-pointer $(arch_recorder_flags) \
	-fno-asynchronous-unwind-tables -fno-builtin -fno-strict-aliasing \
	$(if $(findstring clang,$(CC)),-fno-optimize-sibling-calls,-fno-tree-loop-distribute-patterns)
recorder_link := -shared -nostdlib -Wl,-Bsymbolic -Wl,-z,norelro \
	-Wl,--no-undefined -Wl,--build-id=none -Wl,--hash-style=sysv \
	-Wl,-T,src/recorder/recorder.ld

# One unit, so that what is called for every block is put in place.
$(B)/gen/recorder.o: $(recorder_src) src/recorder/recorder.mk
	$(call say,CC,src/recorder)
	$(q)mkdir -p $(@D) && printf '#include "%s"\n' $(recorder_src) | \
		$(CC) $(recorder_flags) -x c -c -o $@ -

$(B)/gen/recorder_%.o: src/arch/$(arch)/%.S
	$(call say,CC,$<)
	$(q)mkdir -p $(@D) && $(CC) -Isrc $(inc_arch) -MMD -MP -c -o $@ $<

$(B)/recorder.elf: $(recorder_obj) src/recorder/recorder.ld
	$(call say,LD,$@)
	$(q)$(CC) $(recorder_link) -o $@ $(recorder_obj)

$(recorder_c): $(B)/recorder.elf src/recorder/embed src/arch/$(arch)/recorder.sh
	$(call say,EMBED,$@)
	$(q)mkdir -p $(@D) && src/recorder/embed $< $@ src/arch/$(arch)/recorder.sh

$(B)/gen/recorder_image.o: $(recorder_c)
	$(call say,CC,$<)
	$(q)$(CC) $(common) $(inc_lib) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

lib_obj += $(B)/gen/recorder_image.o

-include $(recorder_obj:.o=.d)
