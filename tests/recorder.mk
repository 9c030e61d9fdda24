# The recorder in real processes: check-recorder is the short form, LONG=1
# (and `make soak`) the long one.

recorder_bin := $(addprefix $(B)/tests/live/recorder/,shim.so shim-next.so workload storm \
	storm-static forker rester mover)
# What needs another libc or another word size is built where that is there.
recorder_try := $(addprefix $(B)/tests/live/recorder/,storm-musl storm-musl-static forker32 \
	frames.so)
victim_flags := -std=gnu17 $(warnings) -O2 -g

.PHONY: check-recorder soak-recorder $(recorder_try)

$(B)/tests/live/recorder_driver: tests/live/recorder_driver.c $(B)/libtmattach.a
	$(call say,TEST,$@)
	$(q)mkdir -p $(@D) && $(CC) $(common) $(inc_lib) $(CPPFLAGS) $(CFLAGS) $(ldflags) \
		-o $@ $< $(B)/libtmattach.a $(lib_libs)

$(B)/tests/live/recorder/shim.so: tests/live/recorder/shim.c
	$(call say,LD,$@)
	$(q)mkdir -p $(@D) && gcc $(victim_flags) -fPIC -shared -o $@ $<

$(B)/tests/live/recorder/shim-next.so: tests/live/recorder/shim.c
	$(call say,LD,$@)
	$(q)mkdir -p $(@D) && gcc $(victim_flags) -DNEXT -fPIC -shared -o $@ $< -ldl

$(B)/tests/live/recorder/%: tests/live/recorder/%.c
	$(call say,LD,$@)
	$(q)mkdir -p $(@D) && gcc $(victim_flags) -o $@ $< -lpthread -ldl

$(B)/tests/live/recorder/storm-static: tests/live/recorder/storm.c
	$(call say,LD,$@)
	$(q)mkdir -p $(@D) && gcc $(victim_flags) -DNO_DLOPEN -static -o $@ $< -lpthread

$(B)/tests/live/recorder/storm-musl:
	-$(q)musl-gcc $(victim_flags) -o $@ tests/live/recorder/storm.c -lpthread 2>/dev/null || true

$(B)/tests/live/recorder/storm-musl-static:
	-$(q)musl-gcc $(victim_flags) -DNO_DLOPEN -static -o $@ tests/live/recorder/storm.c -lpthread 2>/dev/null || true

$(B)/tests/live/recorder/forker32:
	-$(q)gcc -m32 $(victim_flags) -o $@ tests/live/recorder/forker.c 2>/dev/null || true

$(B)/tests/live/recorder/frames.so:
	-$(q)gcc $(victim_flags) -fPIC -shared -o $@ tests/live/recorder/frames.c -lunwind 2>/dev/null || true

check-recorder: $(B)/tests/live/recorder_driver $(B)/tmattach $(recorder_bin) $(recorder_try) \
		$(B)/tests/bench/recorder_pairs
	$(q)B=$(abspath $(B)) python3 -B tests/live/recorder/live.py

soak-recorder: $(B)/tests/live/recorder_driver $(B)/tmattach $(recorder_bin) $(recorder_try)
	$(q)B=$(abspath $(B)) LONG=1 python3 -B tests/live/recorder/live.py exact frames storm

# The recorder's own code, run outside of a target, in which it must not be
# wrong by one byte.
recorder_unit := $(addprefix $(B)/tests/unit/,recorder_table_test inject_rows_cache_test)

.PHONY: valgrind-recorder
valgrind-recorder: $(recorder_unit)
	$(q)command -v valgrind >/dev/null || { echo "skipped - valgrind-recorder: no valgrind"; exit 0; }; \
	for test in $(recorder_unit); do \
		valgrind -q --error-exitcode=9 --leak-check=full $$test || exit 1; \
	done

soak: soak-recorder valgrind-recorder

CHECKS += check-recorder

-include $(B)/tests/live/recorder_driver.d

$(B)/tests/bench/recorder_pairs: tests/bench/recorder_pairs.c
	$(call say,LD,$@)
	$(q)mkdir -p $(@D) && gcc $(victim_flags) -o $@ $< -lpthread

.PHONY: bench-recorder
bench-recorder: $(B)/tests/live/recorder_driver $(B)/tests/bench/recorder_pairs
	$(q)B=$(abspath $(B)) tests/bench/recorder

bench: bench-recorder
