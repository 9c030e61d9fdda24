# The test targets. `make check` installs what is lacking, then runs every
# target in CHECKS, to which the other tests/*.mk files add; what a machine does
# not offer beyond the build's own is skipped by name. Each of them
# prints "ok"/"not ok" lines and a closing "N passed, N failed[, N skipped]";
# tests/summary adds these up into the last line.

CHECKS := check-deps check-unit $(CHECKS)

.PHONY: check check-unit check-deps test-programs

check-deps: $(objects)
	$(q)B='$(B)' tests/check-deps

check-unit: $(unit_bin)
	$(q)tests/run-unit $(unit_bin)

# The longest first, so that lanes (tests/summary) end at about the same time. No two of
# them build anything that `test-programs' has not: two makes would write to one file.
longest := check-pyrecorder check-live check-recorder check-static check-control check-launch check-fleet

check: $(B)/have-test-deps
	$(q)MAKE='$(MAKE)' tests/summary 'all tests test-programs' -- \
		$(filter $(CHECKS),$(longest)) $(filter-out $(longest),$(CHECKS))

# What the build and the tests need from the distribution, asked for once.
$(B)/have-build-deps: tests/install-deps
	$(q)tests/install-deps build && mkdir -p $(@D) && touch $@

$(B)/have-test-deps: tests/install-deps
	$(q)tests/install-deps build unit
	-$(q)tests/install-deps check && mkdir -p $(@D) && touch $@
