# The man page and completions, `make install` (PREFIX, DESTDIR), `make deb`.

BINDIR     ?= $(PREFIX)/bin
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR     ?= $(PREFIX)/share/man

DATADIR    ?= $(PREFIX)/share
ZSHDIR     ?= $(DATADIR)/zsh/site-functions

public_headers := $(sort $(wildcard include/tmattach/*.h))

.PHONY: doc completions install deb

doc: $(B)/tmattach.1

$(B)/tmattach.1: src/cli/tmattach.1.scd
	$(call say,MAN,$@)
	$(q)mkdir -p $(@D) && tests/install-deps doc && scdoc <$< >$@.$$$$ && mv $@.$$$$ $@

completions := $(patsubst %,$(B)/completions/%,bash zsh fish)
completions: $(completions)

$(completions): $(B)/completions/%: $(B)/tmattach
	$(q)mkdir -p $(@D) && $(B)/tmattach --completion $* >$@.$$$$ && mv $@.$$$$ $@

install: all doc completions
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(LIBDIR)/pkgconfig \
		$(DESTDIR)$(INCLUDEDIR)/tmattach $(DESTDIR)$(MANDIR)/man1
	install -m 755 $(B)/tmattach $(DESTDIR)$(BINDIR)/tmattach
	install -m 644 $(B)/libtmattach.a $(DESTDIR)$(LIBDIR)/libtmattach.a
	install -m 755 $(B)/libtmattach.so $(DESTDIR)$(LIBDIR)/libtmattach.so.$(VERSION)
	ln -sf libtmattach.so.$(VERSION) $(DESTDIR)$(LIBDIR)/libtmattach.so.0
	ln -sf libtmattach.so.0 $(DESTDIR)$(LIBDIR)/libtmattach.so
	install -m 644 $(public_headers) $(DESTDIR)$(INCLUDEDIR)/tmattach/
	install -m 644 $(B)/tmattach.1 $(DESTDIR)$(MANDIR)/man1/tmattach.1
	install -d $(DESTDIR)$(DATADIR)/doc/tmattach/examples
	install -m 644 $(wildcard fixtures/examples/*) $(DESTDIR)$(DATADIR)/doc/tmattach/examples/
	printf '%s\n' 'prefix=$(PREFIX)' 'libdir=$(LIBDIR)' \
		'includedir=$(INCLUDEDIR)' '' 'Name: tmattach' \
		'Description: Reads the tracemalloc traces of running Python processes' \
		'Version: $(VERSION)' 'Libs: -L$${libdir} -ltmattach' \
		'Libs.private: $(lib_libs)' 'Cflags: -I$${includedir}' \
		>$(DESTDIR)$(LIBDIR)/pkgconfig/tmattach.pc
	chmod 644 $(DESTDIR)$(LIBDIR)/pkgconfig/tmattach.pc
	install -d $(DESTDIR)$(DATADIR)/bash-completion/completions \
		$(DESTDIR)$(ZSHDIR) $(DESTDIR)$(DATADIR)/fish/vendor_completions.d
	install -m 644 $(B)/completions/bash $(DESTDIR)$(DATADIR)/bash-completion/completions/tmattach
	install -m 644 $(B)/completions/zsh $(DESTDIR)$(ZSHDIR)/_tmattach
	install -m 644 $(B)/completions/fish $(DESTDIR)$(DATADIR)/fish/vendor_completions.d/tmattach.fish

# A package for the Debian it is built on: dependencies are those of the
# libraries that the command was linked with.
deb_arch = $(shell dpkg --print-architecture)
# Where it is packed; `make dist` has a place of its own.
DEB      ?= $(B)
deb_file = $(DEB)/tmattach_$(VERSION)_$(deb_arch).deb

define deb_control
Source: tmattach
Maintainer: tmattach maintainers <maintainers@localhost>

Package: tmattach
Architecture: any
Description: see where a running Python process allocated its memory
endef

define deb_package
Package: tmattach
Version: $(VERSION)
Architecture: $(deb_arch)
Maintainer: tmattach maintainers <maintainers@localhost>
Section: devel
Priority: optional
Depends: @DEPENDS@
Suggests: gdb
Description: see where a running Python process allocated its memory
 tmattach attaches to a running process, reads the traces that Python's
 tracemalloc keeps there, and shows, saves or compares them. The process
 needs no preparation and runs on unharmed. Core files are read, too.
endef
export deb_control deb_package

deb:
	$(q)tests/install-deps build doc deb
	$(q)rm -rf $(DEB)/deb && mkdir -p $(DEB)/deb/debian $(DEB)/deb/root/DEBIAN
	$(q)$(MAKE) --no-print-directory install DESTDIR=$(abspath $(DEB))/deb/root \
		PREFIX=/usr ZSHDIR=/usr/share/zsh/vendor-completions >/dev/null
	$(q)strip --strip-unneeded $(DEB)/deb/root/usr/bin/tmattach $(DEB)/deb/root/usr/lib/libtmattach.so.$(VERSION)
	$(q)strip --strip-debug $(DEB)/deb/root/usr/lib/libtmattach.a
	$(q)gzip -9n $(DEB)/deb/root/usr/share/man/man1/tmattach.1
	$(q)install -D -m 644 LICENSE $(DEB)/deb/root/usr/share/doc/tmattach/copyright
	$(q)echo "$$deb_control" >$(DEB)/deb/debian/control
	$(q)depends=$$(cd $(DEB)/deb && dpkg-shlibdeps -O root/usr/bin/tmattach root/usr/lib/libtmattach.so.$(VERSION) 2>/dev/null) && \
		echo "$$deb_package" | sed "s/@DEPENDS@/$${depends#shlibs:Depends=}/" >$(DEB)/deb/root/DEBIAN/control
	$(q)dpkg-deb --root-owner-group -Zxz --build $(DEB)/deb/root $(deb_file)
