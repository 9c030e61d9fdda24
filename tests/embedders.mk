# Programs with a Python in them. What cannot be installed is skipped by name.

CHECKS += check-embedders

.PHONY: check-embedders

check-embedders: $(B)/tmattach
	-$(q)tests/install-deps embedders
	$(q)B='$(abspath $(B))' tests/live/run embedders
