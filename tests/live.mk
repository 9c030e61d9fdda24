# Tests on real processes. check-live is the short form; soak the long one.

live_so := $(patsubst %,$(B)/tests/live/%.so,freeze storm blockers frozen allocators_others)

CHECKS += check-live check-longrun

.PHONY: check-live check-longrun soak-longrun soak-musl live-roots soak demo bench bench-python

$(B)/tests/live/%.so: tests/live/%.c
	$(call say,LD,$@)
	$(q)mkdir -p $(@D) && $(CC) -std=gnu17 $(warnings) -O2 -g -fPIC -shared -o $@ $< -lpthread

live-roots:
	$(q)tests/live/roots
	$(q)tests/live/pythons

live_readers := $(addprefix $(B)/tests/live/,sampler contract dicts census allocators thread_access)

$(live_readers): $(B)/tests/live/%: tests/live/%.c $(B)/libprivate.a $(if $(STATIC),$(static_obj))
	$(call say,LD,$@)
	$(q)mkdir -p $(@D) && $(CC) $(common) $(inc_lib) $(CFLAGS) $(ldflags) -o $@ $< $(B)/libprivate.a $(test_libs)

check-live: $(B)/tmattach $(B)/tests/live/embed $(live_readers) $(live_so) live-roots
	$(q)B='$(abspath $(B))' tests/live/run matrix errors contract storm frozen figures running dicts source waiting census programs subinterpreters functions allocated fields allocators thread_access

test-programs: $(live_readers) $(live_so)

# The view and watch for long: some hundred samples, or an hour of them.
longrun_bin := $(B)/tmattach $(B)/tests/live/recorder/storm

check-longrun: $(longrun_bin)
	$(q)B='$(abspath $(B))' tests/live/run longrun

soak-longrun: $(longrun_bin)
	$(q)LONG=1 B='$(abspath $(B))' tests/live/run longrun

soak: soak-longrun soak-musl

soak-musl: $(B)/tmattach test-programs
	$(q)LONG=1 tests/live/pythons
	$(q)B='$(abspath $(B))' tests/live/run musl

soak: $(B)/have-test-deps
	$(q)LONG=1 MAKE='$(MAKE)' tests/summary all check-live

demo: $(B)/have-demo-deps
	$(q)$(MAKE) --no-print-directory -s $(B)/tmattach
	$(q)B='$(abspath $(B))' fixtures/demo/run

$(B)/have-demo-deps: tests/install-deps
	$(q)tests/install-deps build demo && mkdir -p $(@D) && touch $@

bench: $(B)/have-test-deps
	$(q)$(MAKE) --no-print-directory -s $(B)/tmattach $(B)/tests/bench/gaps.so
	$(q)B='$(abspath $(B))' tests/bench/run
	$(q)B='$(abspath $(B))' tests/bench/view
	$(q)B='$(abspath $(B))' tests/bench/heap

bench-python: $(B)/have-test-deps live-roots
	$(q)$(MAKE) --no-print-directory -s $(B)/tmattach
	$(q)MEMRAY=1 tests/live/roots sid
	$(q)B='$(abspath $(B))' tests/bench/python

$(B)/tests/bench/%.so: tests/bench/%.c
	$(call say,LD,$@)
	$(q)mkdir -p $(@D) && $(CC) -std=gnu17 $(warnings) -O2 -g -fPIC -shared -o $@ $< -lpthread
