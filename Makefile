# tmattach: `make` builds the command and the library under build/.
# Useful knobs: CC=clang, SAN=address,undefined, WERROR=1, V=1.

PREFIX  ?= /usr/local
DESTDIR ?=
CC      ?= cc
OPT     ?= -O2
CFLAGS  ?= $(OPT) -g
V       ?= 0
SAN     ?=
WERROR  ?=

ifeq ($(origin CC),default)
CC := gcc
endif

# Each flavour has a build tree of its own, so that they never mix.
flavour := $(if $(SAN),san-)$(if $(findstring clang,$(CC)),clang-)
B       ?= build$(if $(flavour),/$(patsubst %-,%,$(flavour)))

VERSION := 0.1.0

warnings := -Wall -Wextra -Wshadow -Wswitch-enum -Wstrict-prototypes \
            -Wmissing-prototypes -Wvla $(if $(WERROR),-Werror)
common   := -std=gnu17 -D_GNU_SOURCE -DTM_VERSION='"$(VERSION)"' $(warnings) \
            -fPIC -fvisibility=hidden -fno-strict-aliasing -MMD -MP \
            $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all)
inc_lib  := -Iinclude -Isrc -I$(B)/gen
inc_tui  := -Iinclude -Itui

rooms    := base target remote mem image native py trace freeze inject control model codec session
lib_src  := $(sort $(wildcard $(rooms:%=src/%/*.c)))
cli_src  := $(sort $(wildcard src/cli/*.c))
tui_src  := $(sort $(wildcard tui/*.c))
unit_src := $(sort $(wildcard tests/unit/*_test.c))

lib_obj  := $(lib_src:%.c=$(B)/%.o)
cli_obj  := $(cli_src:%.c=$(B)/%.o)
tui_obj  := $(tui_src:%.c=$(B)/%.o)
unit_bin := $(unit_src:tests/unit/%.c=$(B)/tests/unit/%)

lib_libs := -ldw -lelf -llzma -liberty -lunwind-ptrace -lunwind-generic -lunwind -lzstd -lz -ljansson -lprotobuf-c -lpthread -lm
tui_libs := -lncursesw -ltinfo -lmicrohttpd
ldflags  := $(LDFLAGS) $(if $(SAN),-fsanitize=$(SAN))

q := $(if $(filter 0,$(V)),@)
say = $(if $(filter 0,$(V)),@printf '  %-6s %s\n' $(1) $(2))

.PHONY: all lib tests clean
.DEFAULT_GOAL := all

include src/recorder/recorder.mk
include src/codec/export.mk

all: $(B)/tmattach $(B)/libtmattach.a $(B)/libtmattach.so
lib: $(B)/libtmattach.a

# What the links consist of: a source that was removed must relink them, too.
objects := $(lib_obj) $(cli_obj) $(tui_obj)
$(B)/objects: $(if $(filter-out $(file < $(B)/objects),$(objects)),force) \
		$(if $(filter-out $(objects),$(file < $(B)/objects)),force)
	$(q)mkdir -p $(@D) && printf '%s\n' $(objects) > $@

.PHONY: force
force:

$(B)/tmattach: $(cli_obj) $(tui_obj) $(B)/libtmattach.a $(B)/objects
	$(call say,LD,$@)
	$(q)$(CC) $(CFLAGS) $(ldflags) -o $@ $(cli_obj) $(tui_obj) $(B)/libtmattach.a $(lib_libs) $(tui_libs)

$(B)/libtmattach.a: $(lib_obj) $(B)/objects
	$(call say,AR,$@)
	$(q)rm -f $@ && ar rcs $@ $(lib_obj)

$(B)/libtmattach.so: $(lib_obj) $(B)/objects
	$(call say,LD,$@)
	$(q)$(CC) $(CFLAGS) $(ldflags) -shared -Wl,-soname,libtmattach.so.0 -Wl,--exclude-libs,libiberty.a -o $@ $(lib_obj) $(lib_libs)

$(B)/gen/syscalls.def: Makefile
	$(call say,GEN,$@)
	$(q)mkdir -p $(@D) && echo '#include <asm/unistd.h>' | $(CC) -E -dM -x c - | \
		sed -n 's/^#define __NR_\([a-z0-9_]*\) [0-9].*/[__NR_\1] = "\1",/p' >$@

$(B)/src/target/syscall_name.o: $(B)/gen/syscalls.def

$(B)/tui/%.o: tui/%.c
	$(call say,CC,$<)
	$(q)mkdir -p $(@D) && $(CC) $(common) $(inc_tui) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(B)/%.o: %.c
	$(call say,CC,$<)
	$(q)mkdir -p $(@D) && $(CC) $(common) $(inc_lib) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

# The command without its main(), for the unit tests.
$(B)/libcli.a: $(filter-out %/main.o,$(cli_obj))
	$(call say,AR,$@)
	$(q)rm -f $@ && ar rcs $@ $^

# What runs in the target can call nothing of ours.
$(B)/src/control/payload.o: CFLAGS := $(filter-out --coverage,$(CFLAGS))
$(B)/src/control/payload.o: common := $(filter-out -fsanitize=% -fno-sanitize-recover=all,$(common)) \
	-ffreestanding -fno-stack-protector -fno-jump-tables -fno-exceptions \
	-fno-asynchronous-unwind-tables -fcf-protection=none -fno-profile-arcs

# Unit tests see everything: the rooms' private headers and the view's.
$(B)/tests/unit/%: tests/unit/%.c $(tui_obj) $(B)/libcli.a $(B)/libtmattach.a
	$(call say,TEST,$@)
	$(q)mkdir -p $(@D) && $(CC) $(common) $(inc_lib) -I. -Itui -Itests $(CPPFLAGS) $(CFLAGS) $(ldflags) \
		-o $@ $< $(tui_obj) $(B)/libcli.a $(B)/libtmattach.a $(lib_libs) $(tui_libs) -lcmocka

tests: $(unit_bin)

clean:
	rm -rf build

include $(sort $(wildcard tests/*.mk))
include src/cli/install.mk

-include $(lib_obj:.o=.d) $(cli_obj:.o=.d) $(tui_obj:.o=.d) $(unit_bin:=.d)
