# The recorder in real processes: check-recorder is the short form, LONG=1
# (and `make soak`) the long one.

keepers := $(addprefix $(B)/tests/live/recorder/,registers registers-static keeper keeper-lto)
called := $(addprefix $(B)/tests/live/recorder/called-,static no-table debug-frame \
	debug-frame-gz frame-pointer nothing separate)
own := $(addprefix $(B)/tests/live/recorder/own-,prefix unknown given idle idle-first)
operators := $(addprefix $(B)/tests/live/recorder/operators-,own short throws static)
recorder_bin := $(called) $(own) $(operators) $(B)/tests/live/recorder/called-stripped $(addprefix $(B)/tests/live/recorder/,shim.so shim-next.so header.so odd.so odd-missed.so workload storm \
	storm-static window ages forker rester execer clocker mover mapper leaderless brood jit parted) $(keepers)
# What needs another libc or another word size is built where that is there.
recorder_try := $(addprefix $(B)/tests/live/recorder/,plugins-musl storm-musl storm-musl-static forker32 \
	frames.so)
victim_flags := -std=gnu17 $(warnings) -O2 -g

.PHONY: check-recorder check-plugins check-maps check-services check-pyrecorder check-merged check-registers soak-recorder

$(B)/tests/live/recorder_driver: tests/live/recorder_driver.c $(B)/libprivate.a $(if $(STATIC),$(static_obj))
	$(call say,TEST,$@)
	$(q)mkdir -p $(@D) && $(CC) $(common) $(inc_lib) $(CPPFLAGS) $(CFLAGS) $(ldflags) \
		-o $@ $< $(B)/libprivate.a $(test_libs)

$(B)/tests/live/pyrecorder_driver: tests/live/pyrecorder_driver.c $(B)/libprivate.a $(if $(STATIC),$(static_obj))
	$(call say,TEST,$@)
	$(q)mkdir -p $(@D) && $(CC) $(common) $(inc_lib) $(CPPFLAGS) $(CFLAGS) $(ldflags) \
		-o $@ $< $(B)/libprivate.a $(test_libs)

$(B)/tests/live/recorder/shim.so: tests/live/recorder/shim.c
	$(call say,LD,$@)
	$(q)mkdir -p $(@D) && gcc $(victim_flags) -fPIC -shared -o $@ $<

$(B)/tests/live/recorder/shim-next.so: tests/live/recorder/shim.c
	$(call say,LD,$@)
	$(q)mkdir -p $(@D) && gcc $(victim_flags) -DNEXT -fPIC -shared -o $@ $< -ldl

$(B)/tests/live/recorder/header.so: tests/live/recorder/header.c
	$(call say,LD,$@)
	$(q)mkdir -p $(@D) && gcc $(victim_flags) -fno-builtin -fPIC -shared -o $@ $< -ldl

$(B)/tests/live/recorder/odd.so: tests/live/recorder/odd.c
	$(call say,LD,$@)
	$(q)mkdir -p $(@D) && gcc $(victim_flags) -fno-builtin -fPIC -shared -o $@ $<

$(B)/tests/live/recorder/odd-missed.so: tests/live/recorder/odd.c
	$(call say,LD,$@)
	$(q)mkdir -p $(@D) && gcc $(victim_flags) -DODD_MISSED -fno-builtin -fPIC -shared -o $@ $<

$(B)/tests/live/recorder/%: tests/live/recorder/%.c
	$(call say,LD,$@)
	$(q)mkdir -p $(@D) && gcc $(victim_flags) -o $@ $< -lpthread -ldl

$(B)/tests/live/recorder/storm-static: tests/live/recorder/storm.c
	$(call say,LD,$@)
	$(q)mkdir -p $(@D) && gcc $(victim_flags) -DNO_DLOPEN -static -o $@ $< -lpthread

$(B)/tests/live/recorder/registers-static: tests/live/recorder/registers.c
	$(call say,LD,$@)
	$(q)mkdir -p $(@D) && gcc $(victim_flags) -static -o $@ $<

# One program, and each way to tell who called what; -nothing has none.
no_cfi := -fno-asynchronous-unwind-tables -fno-unwind-tables
$(B)/tests/live/recorder/called-static: called_flags := -static -Wl,--build-id
$(B)/tests/live/recorder/called-no-table: called_flags := -Wl,--no-eh-frame-hdr
$(B)/tests/live/recorder/called-debug-frame: called_flags := $(no_cfi)
$(B)/tests/live/recorder/called-debug-frame-gz: called_flags := $(no_cfi) -gz
$(B)/tests/live/recorder/called-frame-pointer: called_flags := $(no_cfi) -g0 -fno-omit-frame-pointer
$(B)/tests/live/recorder/called-nothing: called_flags := $(no_cfi) -g0 -fomit-frame-pointer

$(B)/tests/live/recorder/called-separate: called_flags := $(no_cfi) -Wl,--build-id

$(called): tests/live/recorder/called.c
	$(call say,LD,$@)
	$(q)mkdir -p $(@D) && gcc $(victim_flags) $(called_flags) -o $@ $<
	$(q)case $@ in *-separate) objcopy --only-keep-debug $@ $@.debug && strip $@ && \
		objcopy --add-gnu-debuglink=$@.debug $@;; esac

$(B)/tests/live/recorder/called-stripped: $(B)/tests/live/recorder/called-static
	$(call say,STRIP,$@)
	$(q)strip -o $@ $<

$(B)/tests/live/recorder/own-prefix: own_flags := -DOWN_PREFIX
$(B)/tests/live/recorder/own-unknown: own_flags := -DOWN_PREFIX -D_rjem_malloc=grab -D_rjem_sdallocx=drop
$(B)/tests/live/recorder/own-given: own_flags := -DOWN_GIVEN
# No room between functions.
$(B)/tests/live/recorder/own-idle: own_flags := -DOWN_IDLE -Os -falign-functions=1
# What is exported is in the order of its hashes.
$(B)/tests/live/recorder/own-idle-first: own_flags := -DOWN_IDLE -DOWN_FIRST -Os -falign-functions=1 \
	-Wl,--hash-style=gnu

$(own): tests/live/recorder/own.c
	$(call say,LD,$@)
	$(q)mkdir -p $(@D) && gcc $(victim_flags) -fno-builtin $(own_flags) -o $@ $< -ldl

$(B)/tests/live/recorder/operators-own: operators_flags := -DOPERATORS_OWN
$(B)/tests/live/recorder/operators-short: operators_flags := -DOPERATORS_OWN -DOPERATORS_SHORT
$(B)/tests/live/recorder/operators-throws: operators_flags := -DOPERATORS_THROWS
$(B)/tests/live/recorder/operators-static: operators_flags := -static

$(operators): tests/live/recorder/operators.cc
	$(call say,LD,$@)
	$(q)mkdir -p $(@D) && g++ -std=gnu++17 -Wall -Wextra -O2 -g $(operators_flags) -o $@ $<

# What matters in these two is how the compiler uses registers.
keeper_flags := $(victim_flags) -fno-builtin

$(B)/tests/live/recorder/keeper: tests/live/recorder/keeper.c tests/live/recorder/keeper_pool.c
	$(call say,LD,$@)
	$(q)mkdir -p $(@D) && gcc $(keeper_flags) -DONE_UNIT -o $@ $<

$(B)/tests/live/recorder/keeper-lto: tests/live/recorder/keeper.c tests/live/recorder/keeper_pool.c
	$(call say,LD,$@)
	$(q)mkdir -p $(@D) && gcc $(keeper_flags) -flto -o $@ $^

$(B)/tests/live/recorder/storm-musl: tests/live/recorder/storm.c
	-$(q)mkdir -p $(@D) && musl-gcc $(victim_flags) -o $@ $< -lpthread 2>/dev/null || true

$(B)/tests/live/recorder/storm-musl-static: tests/live/recorder/storm.c
	-$(q)mkdir -p $(@D) && musl-gcc $(victim_flags) -DNO_DLOPEN -static -o $@ $< -lpthread 2>/dev/null || true

$(B)/tests/live/recorder/forker32: tests/live/recorder/forker.c
	-$(q)mkdir -p $(@D) && gcc -m32 $(victim_flags) -o $@ $< 2>/dev/null || true

$(B)/tests/live/recorder/frames.so: tests/live/recorder/frames.c
	-$(q)mkdir -p $(@D) && gcc $(victim_flags) -fPIC -shared -o $@ $< -lunwind 2>/dev/null || true

check-recorder: $(B)/tests/live/recorder_driver $(B)/tmattach $(recorder_bin) $(recorder_try) \
		$(B)/tests/bench/recorder_pairs
	$(q)B=$(abspath $(B)) python3 -B tests/live/recorder/live.py
	$(q)B=$(abspath $(B)) python3 -B tests/live/recorder/ages.py
	$(q)B=$(abspath $(B)) python3 -B tests/live/recorder/execing.py
	$(q)B=$(abspath $(B)) python3 -B tests/live/recorder/gocalls.py

# Interpreters of other roots load it, too.
$(B)/tests/live/room.so: tests/live/room.c
	$(call say,LD,$@)
	$(q)mkdir -p $(@D) && gcc $(victim_flags) -fPIC -shared -nostdlib -o $@ $<

test-programs: $(B)/tests/live/recorder/plugins $(B)/tests/live/recorder/maps $(B)/tests/live/recorder_driver $(B)/tests/live/pyrecorder_driver $(recorder_bin) \
		$(recorder_try) $(B)/tests/bench/recorder_pairs $(B)/tests/live/room.so

# The recorder in CPython's own allocators.
check-pyrecorder: $(B)/tests/live/recorder/parted $(B)/tests/live/pyrecorder_driver $(B)/tests/live/room.so $(B)/tmattach live-roots
	$(q)B='$(abspath $(B))' RUNNER_SECONDS=2400 tests/live/run pyrecorder by_thread

# Modules that come and go meanwhile.
$(B)/tests/live/recorder/plugins-musl: tests/live/recorder/plugins.c
	-$(q)mkdir -p $(@D) && musl-gcc $(victim_flags) -o $@ $< 2>/dev/null || true

check-plugins: $(B)/tmattach $(B)/tests/live/recorder/plugins $(B)/tests/live/recorder/plugins-musl
	$(q)B='$(abspath $(B))' python3 -B tests/live/recorder/plugins.py

# Memory that is not malloc's.
$(B)/tests/live/recorder/maps-static: tests/live/recorder/maps.c
	$(call say,LD,$@)
	$(q)mkdir -p $(@D) && gcc $(victim_flags) -static -o $@ $< -lpthread

$(B)/tests/live/recorder/maps-musl: tests/live/recorder/maps.c
	-$(q)mkdir -p $(@D) && musl-gcc $(victim_flags) -o $@ $< -lpthread 2>/dev/null || true

check-maps: $(B)/tmattach $(addprefix $(B)/tests/live/recorder/,maps maps-static maps-musl)
	$(q)B='$(abspath $(B))' python3 -B tests/live/recorder/maps.py

# Programs in other languages, and servers.
check-services: $(B)/tmattach
	-$(q)tests/install-deps services
	$(q)B='$(abspath $(B))' python3 -B tests/live/recorder/services.py

# C functions between Python functions.
check-merged: $(B)/tmattach live-roots
	$(q)B='$(abspath $(B))' tests/live/run merged

# The part that depends on the compiler that has built the recorder.
check-registers: $(B)/tests/live/recorder_driver $(keepers)
	$(q)B=$(abspath $(B)) python3 -B tests/live/recorder/live.py registers

soak-recorder: $(B)/tests/live/recorder_driver $(B)/tmattach $(recorder_bin) $(recorder_try)
	$(q)B=$(abspath $(B)) LONG=1 python3 -B tests/live/recorder/live.py exact frames storm

# The recorder's own code, run outside of a target, in which it must not be
# wrong by one byte.
recorder_unit := $(addprefix $(B)/tests/unit/,recorder_table_test recorder_look_test recorder_peak_test recorder_frames_test recorder_codes_test \
	recorder_merge_test \
	recorder_hooks_test recorder_objects_test recorder_sampling_test recorder_loader_test inject_rows_cache_test)

.PHONY: valgrind-recorder
valgrind-recorder: $(recorder_unit)
	-$(q)tests/install-deps soak
	$(q)command -v valgrind >/dev/null || { echo "skipped - valgrind-recorder: no valgrind"; exit 0; }; \
	for test in $(recorder_unit); do \
		valgrind -q --error-exitcode=9 --leak-check=full $$test || exit 1; \
	done

soak: soak-recorder valgrind-recorder

CHECKS += check-recorder check-pyrecorder check-merged check-plugins check-maps check-services

-include $(B)/tests/live/recorder_driver.d $(B)/tests/live/pyrecorder_driver.d

$(B)/tests/bench/recorder_pairs: tests/bench/recorder_pairs.c
	$(call say,LD,$@)
	$(q)mkdir -p $(@D) && gcc $(victim_flags) -o $@ $< -lpthread

.PHONY: bench-recorder
bench-recorder: $(B)/tests/live/recorder_driver $(B)/tests/bench/recorder_pairs
	-$(q)tests/install-deps bench
	$(q)B=$(abspath $(B)) tests/bench/recorder

# Whole programs beside other tools.
.PHONY: bench-peers
bench-peers: $(B)/tmattach
	-$(q)tests/install-deps bench
	$(q)B=$(abspath $(B)) tests/bench/peers

bench: bench-recorder bench-peers
