# Snapshot files against every interpreter that is here.

.PHONY: check-codec
check-codec: $(B)/tmattach live-roots
	$(q)tests/oracle/run-codec $(B)/tmattach

CHECKS += check-codec
