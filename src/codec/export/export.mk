# What the export formats need at build time.

$(B)/gen/profile.pb-c.c: src/codec/export/profile.proto
	$(call say,PROTO,$@)
	$(q)mkdir -p $(@D) && protoc-c --c_out=$(@D) -Isrc/codec/export $<

$(B)/src/codec/export/pprof_write.o: $(B)/gen/profile.pb-c.c

$(B)/gen/profile.pb-c.o: $(B)/gen/profile.pb-c.c
	$(call say,CC,$<)
	$(q)$(CC) $(common) $(inc_lib) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

lib_obj += $(B)/gen/profile.pb-c.o

$(B)/gen/flame_page.c: src/codec/export/flame.html src/codec/export/export.mk
	$(call say,EMBED,$@)
	$(q)mkdir -p $(@D) && { \
		echo '/* Made from $<: do not edit. */'; \
		echo '#include "codec/export/flame_page.h"'; \
		echo 'const unsigned char flame_page[] = {'; \
		od -An -v -tx1 $< | sed 's/ \(..\)/0x\1,/g'; \
		echo '};'; \
		echo 'const size_t flame_page_size = sizeof(flame_page);'; \
	} >$@.new && mv $@.new $@

$(B)/gen/flame_page.o: $(B)/gen/flame_page.c
	$(call say,CC,$<)
	$(q)$(CC) $(common) $(inc_lib) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

lib_obj += $(B)/gen/flame_page.o
