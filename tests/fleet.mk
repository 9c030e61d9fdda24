# Core files and many processes. LONG=1 for every interpreter.

.PHONY: check-fleet

check-fleet: $(B)/tmattach live-roots
	$(q)tests/install-deps fleet
	$(q)B='$(abspath $(B))' tests/live/run ../fleet/core ../fleet/many

CHECKS += check-fleet
