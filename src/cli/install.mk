# The man page, and `make install` (PREFIX, DESTDIR).

BINDIR     ?= $(PREFIX)/bin
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR     ?= $(PREFIX)/share/man

.PHONY: doc install

doc: $(B)/tmattach.1

$(B)/tmattach.1: src/cli/tmattach.1.scd
	$(call say,MAN,$@)
	$(q)mkdir -p $(@D) && tests/install-deps doc && scdoc <$< >$@.new && mv $@.new $@

$(B)/tmattach.pc: Makefile src/cli/install.mk
	$(q)mkdir -p $(@D) && printf '%s\n' 'prefix=$(PREFIX)' 'libdir=$(LIBDIR)' \
		'includedir=$(INCLUDEDIR)' '' 'Name: tmattach' \
		'Description: Reads the tracemalloc traces of running Python processes' \
		'Version: $(VERSION)' 'Libs: -L$${libdir} -ltmattach' \
		'Libs.private: $(lib_libs)' 'Cflags: -I$${includedir}' >$@

install: all doc
	$(q)rm -f $(B)/tmattach.pc && $(MAKE) --no-print-directory $(B)/tmattach.pc
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(LIBDIR)/pkgconfig \
		$(DESTDIR)$(INCLUDEDIR)/tmattach $(DESTDIR)$(MANDIR)/man1
	install -m 755 $(B)/tmattach $(DESTDIR)$(BINDIR)/tmattach
	install -m 644 $(B)/libtmattach.a $(DESTDIR)$(LIBDIR)/libtmattach.a
	install -m 755 $(B)/libtmattach.so $(DESTDIR)$(LIBDIR)/libtmattach.so.$(VERSION)
	ln -sf libtmattach.so.$(VERSION) $(DESTDIR)$(LIBDIR)/libtmattach.so.0
	ln -sf libtmattach.so.0 $(DESTDIR)$(LIBDIR)/libtmattach.so
	install -m 644 include/tmattach/*.h $(DESTDIR)$(INCLUDEDIR)/tmattach/
	install -m 644 $(B)/tmattach.1 $(DESTDIR)$(MANDIR)/man1/tmattach.1
	install -m 644 $(B)/tmattach.pc $(DESTDIR)$(LIBDIR)/pkgconfig/tmattach.pc
