# make fuzz [SECONDS=60] [FUZZ="tms pickle"]: every tests/fuzz/fuzz_NAME.c for
# so long under ASan and UBSan, from the seeds in fixtures/fuzz/NAME. What it
# finds interesting stays in build/fuzz/corpus, what breaks it in
# build/fuzz/found. Adding a fuzzer is adding its file and its seeds.

SECONDS ?= 60
FUZZ    ?= $(sort $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c)))
FUZZ_B  := build/fuzz

.PHONY: fuzz fuzz-programs
fuzz: fuzz-programs
	$(q)tests/fuzz/run $(FUZZ_B) $(SECONDS) $(FUZZ)

# A tree of its own: the whole library with clang's coverage in it.
fuzz-programs:
	$(q)$(MAKE) --no-print-directory B=$(FUZZ_B) CC=clang \
		SAN=fuzzer-no-link,address,undefined $(FUZZ:%=$(FUZZ_B)/fuzz_%)

$(FUZZ_B)/fuzz_%: tests/fuzz/fuzz_%.c $(FUZZ_B)/libtmattach.a
	$(call say,FUZZ,$@)
	$(q)$(CC) $(common) $(inc_lib) -I. -Itests $(CFLAGS) -fsanitize=fuzzer \
		-o $@ $< $(FUZZ_B)/libtmattach.a $(lib_libs)

-include $(wildcard $(FUZZ_B)/fuzz_*.d)
