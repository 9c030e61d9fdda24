# tmattach: `make` builds the command and the library under build/.
# `make static`: one file that needs nothing else, build/static/tmattach.
# Useful knobs: CC=clang, SAN=address,undefined, STATIC=1, WERROR=1, V=1.

PREFIX  ?= /usr/local
DESTDIR ?=
CC      ?= cc
OPT     ?= -O2
CFLAGS  ?= $(OPT) -g
V       ?= 0
SAN     ?=
STATIC  ?=
WERROR  ?=

ifeq ($(origin CC),default)
CC := gcc
endif

# Each flavour has a build tree of its own, so that they never mix.
flavour := $(if $(STATIC),static-)$(if $(SAN),san-)$(if $(findstring clang,$(CC)),clang-)
B       ?= build$(if $(flavour),/$(patsubst %-,%,$(flavour)))
# Tests know it by its whole path: that is the same tree, of the same objects.
override B := $(patsubst $(CURDIR)/%,%,$(abspath $(B)))

VERSION := $(shell sed -n 's/^#define TM_VERSION_M.* //p; s/^#define TM_VERSION_PATCH //p' \
	include/tmattach/tmattach.h | paste -sd.)
git     := $(if $(wildcard .git),git --git-dir=.git --work-tree=.)
COMMIT  := $(or $(if $(git),$(shell $(git) describe --always --dirty=-modified \
	--exclude='*' --abbrev=12 2>/dev/null)),unknown)

warnings := -Wall -Wextra -Wshadow -Wswitch-enum -Wstrict-prototypes \
            -Wmissing-prototypes -Wvla $(if $(WERROR),-Werror)
common   := -std=gnu17 -D_GNU_SOURCE -DTM_STATIC=$(if $(STATIC),1,0) $(warnings) \
            $(if $(STATIC),-ffile-prefix-map=$(CURDIR)=.) -fPIC -fvisibility=hidden -fno-strict-aliasing -MMD -MP \
            $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all)
# The CPU that is built for: a folder of src/arch. (Without a compiler, which
# tests/install-deps is about to install, this machine's.)
arch     := $(or $(firstword $(subst -, ,$(shell $(CC) -dumpmachine 2>/dev/null))),$(shell uname -m))
inc_arch := -iquote src/arch/$(arch)
inc_lib  := -Iinclude -Isrc $(inc_arch) -I$(B)/gen
inc_tui  := -Iinclude -Isrc -Itui

ifeq ($(wildcard src/arch/$(arch)/arch.mk),)
$(error there is no src/arch/$(arch): see src/arch/arch.h on how to add a CPU)
endif
include src/arch/$(arch)/arch.mk

rooms    := base target remote mem image native heap py trace inject control model codec session
lib_src  := $(sort $(wildcard $(rooms:%=src/%/*.c) $(rooms:%=src/%/*/*.c) src/arch/*.c src/arch/$(arch)/*.c))
cli_src  := $(sort $(wildcard src/report/*.c src/cli/*.c))
tui_src  := $(sort $(wildcard tui/*.c))
unit_src := $(sort $(wildcard tests/unit/*_test.c))

lib_obj  := $(lib_src:%.c=$(B)/%.o)
cli_obj  := $(cli_src:%.c=$(B)/%.o)
tui_obj  := $(tui_src:%.c=$(B)/%.o)
unit_bin := $(unit_src:tests/unit/%.c=$(B)/tests/unit/%)

lib_libs := -ldw -lelf -llzma -liberty -lunwind-ptrace -lunwind-generic -lunwind -lzstd -lz -lbz2 -ljansson -lprotobuf-c -lpthread -lm
tui_libs := -lncursesw -ltinfo -levent_extra -levent_core
ldflags  := -Wl,--as-needed $(LDFLAGS) $(if $(SAN),-fsanitize=$(SAN))

q := $(if $(filter 0,$(V)),@)
say = $(if $(filter 0,$(V)),@printf '  %-6s %s\n' $(1) $(2))

.PHONY: all lib tests clean
.DEFAULT_GOAL := all

include src/recorder/recorder.mk
include src/codec/export/export.mk
include src/encodings/encodings.mk
include tui/terminfo.mk
include src/static/static.mk

all: $(B)/tmattach $(B)/libtmattach.a $(B)/libtmattach.so
lib: $(B)/libtmattach.a $(B)/libtmattach.so

# What the links consist of: a source that was removed must relink them, too.
objects := $(lib_obj) $(cli_obj) $(tui_obj)
$(B)/objects: $(if $(filter-out $(file < $(B)/objects),$(objects)),force) \
		$(if $(filter-out $(objects),$(file < $(B)/objects)),force)
	$(q)mkdir -p $(@D) && printf '%s\n' $(objects) > $@

.PHONY: force
force:

ifndef STATIC
$(B)/tmattach: $(cli_obj) $(tui_obj) $(B)/libprivate.a $(B)/objects
	$(call say,LD,$@)
	$(q)$(CC) $(CFLAGS) $(ldflags) -o $@ $(cli_obj) $(tui_obj) $(B)/libprivate.a $(lib_libs) $(tui_libs)
endif

# All of the library with its private symbols, for the command and the tests.
$(B)/libprivate.a: $(lib_obj) $(B)/objects
	$(call say,AR,$@)
	$(q)rm -f $@ && ar rcs $@ $(lib_obj)

# What programs link with: one object in which only the public symbols are
# global.
$(B)/libtmattach.a: $(lib_obj) $(B)/objects
	$(call say,AR,$@)
	$(q)$(LD) -r -o $(B)/libtmattach.o $(lib_obj) && \
		objcopy --localize-hidden $(B)/libtmattach.o && \
		rm -f $@ && ar rcs $@ $(B)/libtmattach.o

$(B)/libtmattach.so: $(lib_obj) $(B)/objects src/libtmattach.map
	$(call say,LD,$@)
	$(q)$(CC) $(CFLAGS) $(ldflags) -shared -Wl,-soname,libtmattach.so.0 -Wl,--exclude-libs,libiberty.a \
		-Wl,--version-script=src/libtmattach.map -o $@ $(lib_obj) $(lib_libs)

$(B)/gen/syscalls.def: Makefile
	$(call say,GEN,$@)
	$(q)mkdir -p $(@D) && echo '#include <asm/unistd.h>' | $(CC) -E -dM -x c - | \
		sed -n 's/^#define __NR_\([a-z0-9_]*\) .*/[__NR_\1] = "\1",/p' >$@

$(B)/src/arch/syscall_name.o: $(B)/gen/syscalls.def

define build_h
#define TM_COMMIT "$(COMMIT)"
#define TM_BUILD "$(if $(STATIC),static,shared libraries)$(if $(SAN), with sanitizers)"
endef
export build_h

ifneq ($(file < $(B)/gen/build.h),$(build_h))
$(B)/gen/build.h: force
endif
$(B)/gen/build.h:
	$(q)mkdir -p $(@D) && echo "$$build_h" >$@

$(B)/src/cli/version.o: $(B)/gen/build.h
$(B)/src/cli/cmd_top.o: inc_lib += -I.

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
payloads := $(B)/src/control/payload.o $(B)/src/session/run_payload.o
$(payloads): CFLAGS := $(filter-out --coverage,$(CFLAGS))
$(payloads): common := $(filter-out -fsanitize=% -fno-sanitize-recover=all,$(common)) \
	-ffreestanding -fno-stack-protector -fno-jump-tables -fno-exceptions \
	-fno-asynchronous-unwind-tables -fno-profile-arcs $(arch_payload_flags)

# Unit tests see everything: the rooms' private headers and the view's.
$(B)/tests/unit/%: tests/unit/%.c $(tui_obj) $(B)/libcli.a $(B)/libprivate.a
	$(call say,TEST,$@)
	$(q)mkdir -p $(@D) && $(CC) $(common) $(inc_lib) -I. -Itui -Itests $(CPPFLAGS) $(CFLAGS) $(ldflags) \
		-o $@ $< $(tui_obj) $(B)/libcli.a $(B)/libprivate.a $(lib_libs) $(tui_libs) -lcmocka

tests: $(unit_bin)

clean:
	rm -rf build

include $(sort $(wildcard tests/*.mk))
include src/cli/install.mk

-include $(lib_obj:.o=.d) $(cli_obj:.o=.d) $(tui_obj:.o=.d) $(unit_bin:=.d)
