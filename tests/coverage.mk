# make coverage [COVERED="check-unit ..."]: how much of the code the tests run
# through, and which places where an error is made no test has reached. The
# figures are lower bounds: what is killed in a test does not count, nor what
# runs as another user or in a root of its own and cannot write its counters
# (such a test may fail here by what the compiler's library says of that).

COVERED ?= $(filter-out check-deps check-analysis check-install check-readme check-static check-yama,$(CHECKS))
COVER_B := build/coverage

.PHONY: coverage
coverage:
	$(q)tests/install-deps check
	$(q)rm -rf $(COVER_B)
	-$(q)MAKE='$(MAKE) B=$(COVER_B) OPT=--coverage LDFLAGS=--coverage' \
		tests/summary all $(COVERED)
	$(q)gcovr -r . --object-directory $(COVER_B) -f src/ -f tui/ -e src/recorder/ \
		--gcov-ignore-parse-errors --json $(COVER_B)/coverage.json
	$(q)tests/coverage $(COVER_B)/coverage.json
