# Static analysis: cppcheck and gcc -fanalyzer; LONG=1 adds clang-tidy.

CHECKS += check-analysis

.PHONY: check-analysis
check-analysis:
	$(q)tests/install-deps analysis
	$(q)MAKE='$(MAKE)' tests/analysis/run
