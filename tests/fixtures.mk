# Fixtures: pages of real interpreters, recorded with `make fixtures`.

.PHONY: fixtures

recorders := $(B)/tests/fixtures/record $(B)/tests/fixtures/record_heap

$(recorders): $(B)/tests/fixtures/%: tests/fixtures/%.c $(B)/libprivate.a
	$(call say,LD,$@)
	$(q)mkdir -p $(@D) && $(CC) $(common) $(inc_lib) -Itests $(CFLAGS) $(ldflags) -o $@ $< $(B)/libprivate.a $(lib_libs)

fixtures: $(recorders)
	$(q)B='$(abspath $(B))' python3 -B tests/fixtures/record-all $(LABELS)
