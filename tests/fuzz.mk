# make fuzz [SECONDS=60] [FUZZ="tms pickle"]: every tests/fuzz/fuzz_NAME.c for
# so long under ASan and UBSan, from the seeds in fixtures/fuzz/NAME. What it
# finds interesting stays in build/fuzz/corpus, what breaks it in
# build/fuzz/found. Adding a fuzzer is adding its file and its seeds.
# make check-fuzz only replays the seeds, with any compiler.

SECONDS ?= 60
FUZZ    ?= $(sort $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c)))
FUZZ_B  := build/fuzz

.PHONY: fuzz fuzz-programs check-fuzz
fuzz: fuzz-programs
	$(q)tests/fuzz/run $(FUZZ_B) $(SECONDS) $(FUZZ)

# A tree of its own: the whole library with clang's coverage in it.
fuzz-programs:
	$(q)tests/install-deps build fuzz
	$(q)$(MAKE) --no-print-directory B=$(FUZZ_B) CC=clang \
		SAN=fuzzer-no-link,address,undefined $(FUZZ:%=$(FUZZ_B)/fuzz_%)

fuzz_inc := -I. -Itests

$(FUZZ_B)/fuzz_%: tests/fuzz/fuzz_%.c $(FUZZ_B)/libprivate.a
	$(call say,FUZZ,$@)
	$(q)$(CC) $(common) $(inc_lib) $(fuzz_inc) $(CFLAGS) -fsanitize=fuzzer \
		-o $@ $< $(FUZZ_B)/libprivate.a $(lib_libs)

-include $(wildcard $(FUZZ_B)/fuzz_*.d)

replays := $(FUZZ:%=$(B)/tests/fuzz/replay_%)

$(B)/tests/fuzz/replay_%: tests/fuzz/fuzz_%.c $(B)/tests/fuzz/replay.o $(B)/libprivate.a
	$(call say,TEST,$@)
	$(q)$(CC) $(common) $(inc_lib) $(fuzz_inc) $(CPPFLAGS) $(CFLAGS) $(ldflags) \
		-o $@ $< $(B)/tests/fuzz/replay.o $(B)/libprivate.a $(lib_libs)

-include $(B)/tests/fuzz/replay.d $(replays:=.d)

check-fuzz: $(replays) $(B)/tests/fuzz/replay.o
	$(q)passed=0 failed=0; for name in $(FUZZ); do \
		if $(B)/tests/fuzz/replay_$$name fixtures/fuzz/$$name/* 2>$(B)/tests/fuzz/log; then \
			passed=$$((passed + 1)); \
			echo "ok - fuzz $$name: $$(wc -l <$(B)/tests/fuzz/log) seeds"; \
		else \
			failed=$$((failed + 1)); tail -n 40 $(B)/tests/fuzz/log; \
			echo "not ok - fuzz $$name: see the last file"; \
		fi; \
	done; echo "$$passed passed, $$failed failed"; [ "$$failed" -eq 0 ]

CHECKS += check-fuzz
