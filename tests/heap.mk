# Heaps made by hand: what is asked of them, and how long it takes.

.PHONY: check-heap bench-heap

heap_programs := $(B)/tests/heap/make $(B)/tests/bench/heap_bench

$(heap_programs): $(B)/tests/%: tests/%.c $(B)/libprivate.a
	$(call say,TEST,$@)
	$(q)mkdir -p $(@D) && $(CC) $(common) $(inc_lib) -I. $(CPPFLAGS) $(CFLAGS) $(ldflags) \
		-o $@ $< $(B)/libprivate.a $(lib_libs)

check-heap: $(B)/tmattach $(B)/tests/heap/make
	$(q)B=$(B) tests/golden/heap.sh

CHECKS += check-heap

test-programs: $(B)/tests/heap/make

bench: bench-heap
bench-heap: $(B)/tests/bench/heap_bench
	$(q)$<

-include $(heap_programs:=.d)
