# Fixtures: pages of real interpreters, recorded with `make fixtures`.

.PHONY: fixtures

$(B)/tests/fixtures/record: tests/fixtures/record.c $(B)/libtmattach.a
	$(call say,LD,$@)
	$(q)mkdir -p $(@D) && $(CC) $(common) $(inc_lib) -Itests $(CFLAGS) $(ldflags) -o $@ $< $(B)/libtmattach.a $(lib_libs)

fixtures: $(B)/tests/fixtures/record
	$(q)B='$(abspath $(B))' python3 -B tests/fixtures/record-all $(LABELS)
