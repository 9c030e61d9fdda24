# Targets that lie; SAN=address,undefined for tmattach under the sanitizers.

.PHONY: check-hostile soak-hostile

hostile_bin := $(B)/tmattach $(B)/tests/live/recorder/storm

check-hostile: $(hostile_bin)
	$(q)B='$(abspath $(B))' tests/live/run hostile hostile_recorder

soak-hostile: $(hostile_bin)
	$(q)LONG=1 B='$(abspath $(B))' tests/live/run hostile hostile_recorder

soak: soak-hostile

CHECKS += check-hostile
