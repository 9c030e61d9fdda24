# Control from outside: start, stop, clear, where, run.

CHECKS += check-control

.PHONY: check-control

launch_native := $(addprefix $(B)/tests/live/launch_native,-dynamic -static -static-pie)

$(launch_native): tests/live/launch_native.c
	$(call say,LD,$@)
	$(q)mkdir -p $(@D) && $(CC) -std=gnu17 $(warnings) -O1 -g $(patsubst -dynamic,,$(@:$(B)/tests/live/launch_native%=%)) -o $@ $<

embeds := $(addprefix $(B)/tests/live/,embed launch_embed)

$(embeds): $(B)/tests/live/%: tests/live/%.c
	$(call say,LD,$@)
	$(q)mkdir -p $(@D) && $(CC) -std=gnu17 $(warnings) -O1 -g -o $@ $< -ldl -lpthread

control_tests := control control_killed control_embed control_company contexts launch launch_first launch_held launch_job
control_bin   := $(B)/tmattach $(B)/tests/live/control.so $(launch_native) $(embeds)

check-control: $(control_bin) live-roots
	$(q)B='$(abspath $(B))' tests/live/run $(control_tests)

test-programs: $(control_bin)

.PHONY: soak-control
soak-control: $(control_bin) live-roots
	$(q)LONG=1 B='$(abspath $(B))' tests/live/run $(control_tests)

soak: soak-control
