# What the export formats need at build time.

$(B)/gen/profile.pb-c.c: src/codec/profile.proto
	$(call say,PROTO,$@)
	$(q)mkdir -p $(@D) && protoc-c --c_out=$(@D) -Isrc/codec $<

$(B)/src/codec/pprof_write.o: $(B)/gen/profile.pb-c.c

$(B)/gen/profile.pb-c.o: $(B)/gen/profile.pb-c.c
	$(call say,CC,$<)
	$(q)$(CC) $(common) $(inc_lib) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

lib_obj += $(B)/gen/profile.pb-c.o
