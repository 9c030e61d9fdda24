# Core files, many processes, unattended watching. LONG=1 for every interpreter.

.PHONY: check-fleet check-install

check-fleet: $(B)/tmattach $(B)/tests/live/census live-roots
	$(q)tests/install-deps fleet
	$(q)B='$(abspath $(B))' tests/live/run ../fleet/core ../fleet/census_core ../fleet/many \
		../fleet/names ../fleet/family ../fleet/natives ../fleet/watch ../fleet/apps

# What make install and make deb put where.
check-install: all
	$(q)tests/install-deps fleet
	$(q)B='$(abspath $(B))' tests/live/run ../fleet/install

CHECKS += check-fleet check-install
