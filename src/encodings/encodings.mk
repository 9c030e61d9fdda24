# The tables of encodings of Python sources, from the iconv() of the machine that
# builds.

$(B)/gen/make-charsets: src/encodings/generate.c src/encodings/encodings.def src/encodings/charset.h
	$(call say,CC,$<)
	$(q)mkdir -p $(@D) && $(CC) -std=gnu17 -D_GNU_SOURCE $(warnings) -Isrc -o $@ $<

$(B)/gen/charsets.c: $(B)/gen/make-charsets
	$(call say,GEN,$@)
	$(q)$< >$@.new && mv $@.new $@

$(B)/gen/charsets.o: $(B)/gen/charsets.c
	$(call say,CC,$<)
	$(q)$(CC) $(common) $(inc_lib) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

lib_obj += $(B)/gen/charsets.o
