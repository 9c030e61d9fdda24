# The export formats, read by the programs they are for.

.PHONY: check-export

check-export: $(B)/tmattach $(B)/tests/heap/make
	-$(q)tests/install-deps export
	$(q)python3 -B tests/export/check-export $(B)/tmattach
	$(q)$(B)/tests/heap/make $(B)/tests/heap/devtools.tmh 100 300
	$(q)python3 -B tests/export/devtools $(B)/tmattach $(B)/tests/heap/devtools.tmh

CHECKS += check-export
