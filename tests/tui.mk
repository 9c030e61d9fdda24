# The live view in a real terminal, and the screens the README shows.

.PHONY: check-tui check-readme

check-tui: $(B)/tmattach
	$(q)B='$(B)' tests/screen/tmux.sh

check-readme:
	$(q)tests/screen/readme-check

CHECKS += check-tui check-readme

.PHONY: bench-tui

$(B)/tests/bench/tui_bench: tests/bench/tui_bench.c $(tui_obj) $(B)/libprivate.a
	$(call say,TEST,$@)
	$(q)mkdir -p $(@D) && $(CC) $(common) $(inc_lib) -I. -Itui $(CPPFLAGS) $(CFLAGS) $(ldflags) \
		-o $@ $< $(tui_obj) $(B)/libprivate.a $(lib_libs) $(tui_libs)

bench-tui: $(B)/tests/bench/tui_bench
	$(q)$<
