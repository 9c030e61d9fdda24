# What may happen while tmattach is at work: check-chaos is the short form,
# LONG=1 (and `make soak`) tries every fault point.

CHECKS += check-chaos check-yama

.PHONY: check-chaos check-yama soak-chaos

chaos_bin := $(B)/tests/live/chaos $(B)/tests/live/embed $(B)/tests/live/recorder/storm \
	$(B)/tests/live/recorder/mover $(B)/tests/live/recorder/locker \
	$(B)/tests/live/frozen.so \
	$(B)/tests/live/blockers.so $(B)/tests/live/protected.so $(B)/tests/live/confine \
	$(B)/tests/live/recorder/storm-musl-static

$(B)/tests/live/chaos: tests/live/chaos.c $(B)/gen/syscalls.def
	$(call say,TEST,$@)
	$(q)mkdir -p $(@D) && $(CC) $(common) -I$(B)/gen $(CFLAGS) -o $@ $<

$(B)/tests/live/confine: tests/live/confine.c
	$(call say,TEST,$@)
	$(q)mkdir -p $(@D) && $(CC) $(common) $(CFLAGS) -o $@ $<

test-programs: $(chaos_bin)

check-chaos: $(B)/tmattach $(chaos_bin)
	$(q)B='$(abspath $(B))' tests/live/run chaos meanwhile surroundings containers

# In an emulated machine: most have no Yama, or one setting of it.
check-yama: $(B)/tmattach
	-$(q)tests/install-deps yama
	$(q)B='$(abspath $(B))' tests/live/run yama

soak-chaos: $(B)/tmattach $(chaos_bin)
	$(q)LONG=1 B='$(abspath $(B))' tests/live/run chaos meanwhile surroundings containers

soak: soak-chaos
