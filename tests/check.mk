# The test targets. Each runner prints TAP-like lines and the closing line
# "N passed, N failed[, N skipped]"; tests/summary adds them up.

.PHONY: check check-unit check-deps check-live lint

check-deps:
	$(q)tests/check-deps

check-unit: $(unit_bin)
	$(q)tests/run-unit $(unit_bin)

check: all check-deps check-unit
