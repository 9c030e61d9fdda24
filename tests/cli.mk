# The command on snapshot files.

.PHONY: check-cli

check-cli: $(B)/tmattach
	$(q)B='$(abspath $(B))' tests/golden/cli.sh

CHECKS += check-cli
