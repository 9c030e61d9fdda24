# The export formats, read by the programs they are for (those that are here;
# `tests/install-deps export` installs them all).

.PHONY: check-export

check-export: $(B)/tmattach
	$(q)python3 -B tests/export/check-export $(B)/tmattach

CHECKS += check-export
