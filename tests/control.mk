# Control from outside: start, stop, clear, where, run.

CHECKS += check-control check-launch

.PHONY: check-control check-launch

launch_native := $(addprefix $(B)/tests/live/launch_native,-dynamic -static -static-pie)

$(launch_native): tests/live/launch_native.c
	$(call say,LD,$@)
	$(q)mkdir -p $(@D) && $(CC) -std=gnu17 $(warnings) -O1 -g $(patsubst -dynamic,,$(@:$(B)/tests/live/launch_native%=%)) -o $@ $<

embeds := $(addprefix $(B)/tests/live/,embed launch_embed)

$(embeds): $(B)/tests/live/%: tests/live/%.c
	$(call say,LD,$@)
	$(q)mkdir -p $(@D) && $(CC) -std=gnu17 $(warnings) -O1 -g -o $@ $< -ldl -lpthread

control_tests := control control_killed control_drained control_embed control_company contexts
launch_tests  := launch launch_first launch_held launch_job launch_recorder
control_bin   := $(B)/tmattach $(B)/tests/live/control.so $(launch_native) $(embeds)

check-control: $(control_bin) live-roots
	$(q)B='$(abspath $(B))' tests/live/run $(control_tests)

# Programs that `run' starts: none of anybody else's is touched.
check-launch: $(control_bin) live-roots
	$(q)B='$(abspath $(B))' tests/live/run $(launch_tests)

test-programs: $(control_bin)

.PHONY: soak-control
soak-control: $(control_bin) live-roots
	$(q)LONG=1 B='$(abspath $(B))' tests/live/run $(control_tests) $(launch_tests)

soak: soak-control
