# The static command in roots without anything of this machine, those of all releases
# of Debian that are in use among them.

.PHONY: check-static soak-static static-roots
static_test := static $(B)/tests/live/recorder/storm $(B)/tests/live/recorder/storm-musl-static \
		static-roots

static-roots: live-roots
	$(q)tests/live/roots bookworm bullseye

check-static: $(static_test)
	$(q)tests/install-deps static live native doc deb
	-$(q)tests/install-deps engine
	$(q)B='$(abspath $(B))' TMATTACH='$(abspath build/static/tmattach)' \
		tests/live/run ../static/run ../static/engine ../static/service

# With two builds, too.
soak-static: $(static_test)
	$(q)LONG=1 B='$(abspath $(B))' TMATTACH='$(abspath build/static/tmattach)' \
		tests/live/run ../static/run

soak: soak-static

# Start-up and memory, against the shared command.
.PHONY: bench-static
bench-static: static $(B)/tmattach $(B)/tests/bench/once
	$(q)B='$(abspath $(B))' tests/bench/static

$(B)/tests/bench/once: tests/bench/once.c
	$(call say,LD,$@)
	$(q)mkdir -p $(@D) && $(CC) -std=gnu17 $(warnings) -O2 -static -o $@ $<

bench: bench-static

CHECKS += check-static
