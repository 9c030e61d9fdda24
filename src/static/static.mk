# `make static`: the command as one file for any Linux, build/static/tmattach.
# `make STATIC=1 TARGET` makes anything else with that command, such as its tests.
# What the C library would load at run time is replaced (src/static/*.c).

static_src  := $(sort $(wildcard src/static/*.c))
static_obj  := $(static_src:%.c=$(B)/%.o)
static_wrap := getaddrinfo freeaddrinfo getnameinfo getservbyname getprotobynumber \
	__tzfile_read \
	setlocale nl_langinfo wcwidth iswprint mbrtowc mbtowc mblen wcrtomb wctob btowc

.PHONY: static
static:
	$(q)$(MAKE) --no-print-directory STATIC=1 SAN= B=build/static build/static/tmattach

# What a test program is linked with after the library: as the command is.
test_libs := $(lib_libs)

ifdef STATIC
static_link := -static -Wl,--gc-sections -Wl,--fatal-warnings $(static_wrap:%=-Wl,--wrap=%)
test_libs   := $(static_obj) $(static_link) -Wl,--start-group $(lib_libs) -lunistring \
	-Wl,--end-group

# The symbols stay beside it, for debuggers.
$(B)/tmattach.debug: $(cli_obj) $(tui_obj) $(static_obj) $(B)/libprivate.a $(B)/objects
	$(call say,LD,$@)
	$(q)$(CC) $(CFLAGS) $(ldflags) $(static_link) -o $@ $(cli_obj) $(tui_obj) $(static_obj) \
		$(B)/libprivate.a -Wl,--start-group $(lib_libs) $(tui_libs) -lunistring \
		-Wl,--end-group

$(B)/tmattach: $(B)/tmattach.debug
	$(call say,STRIP,$@)
	$(q)strip -o $@ $<
endif

-include $(static_obj:.o=.d)

# What is given away: the static command, alone and in an archive with its manual,
# completions and licences, the Debian package of the shared build, and the sums.
DIST      := build/dist
dist_name := tmattach-$(VERSION)-linux-$(arch)
dist_libs := libbz2-dev libc6-dev libdw-dev libelf-dev libevent-dev libiberty-dev \
	libjansson-dev liblzma-dev libncurses-dev libprotobuf-c-dev libunistring-dev \
	libunwind-dev libzstd-dev zlib1g-dev
dist_time := $(or $(if $(git),$(shell $(git) log -1 --format=%ct 2>/dev/null)),0)

# A tag names the version that people will ask for: it is the header's, or
# nothing is packed.
release_tags := $(filter v%,$(if $(git),$(shell $(git) tag --points-at HEAD 2>/dev/null)))

.PHONY: dist dist-version
dist-version:
ifneq ($(release_tags),)
ifeq ($(filter v$(VERSION),$(release_tags)),)
	$(error HEAD is tagged $(release_tags), but include/tmattach/tmattach.h says $(VERSION): \
raise the version there and commit it, or correct the tag)
endif
endif

dist: dist-version static doc completions
	$(q)rm -rf $(DIST) && mkdir -p $(DIST)/$(dist_name)/licences
	$(q)SOURCE_DATE_EPOCH=$(dist_time) $(MAKE) --no-print-directory deb DEB=$(DIST) >/dev/null
	$(q)rm -r $(DIST)/deb && cp build/static/tmattach $(DIST)/$(dist_name)/
	$(q)cp -r $(B)/tmattach.1 $(B)/completions LICENSE fixtures/examples/tmattach-watch@.service \
		$(DIST)/$(dist_name)/
	$(q)for package in $(dist_libs); do \
		cp /usr/share/doc/$$package/copyright $(DIST)/$(dist_name)/licences/$$package || exit 1; \
	done
	$(q)tar -C $(DIST) --sort=name --mtime=@$(dist_time) --owner=0 --group=0 --numeric-owner \
		--mode=go=rX -cf - $(dist_name) | gzip -9n >$(DIST)/$(dist_name).tar.gz
	$(q)mv $(DIST)/$(dist_name)/tmattach $(DIST)/$(dist_name).new && \
		rm -r $(DIST)/$(dist_name) && mv $(DIST)/$(dist_name).new $(DIST)/$(dist_name)
	$(q)cd $(DIST) && sha256sum * >SHA256SUMS && ls -l
