# Control from outside: start, stop, clear, where, run.

CHECKS += check-control

.PHONY: check-control

launch_native := $(addprefix $(B)/tests/live/launch_native,-dynamic -static -static-pie)

$(launch_native): tests/live/launch_native.c
	$(call say,LD,$@)
	$(q)mkdir -p $(@D) && $(CC) -std=gnu17 $(warnings) -O1 -g $(patsubst -dynamic,,$(@:$(B)/tests/live/launch_native%=%)) -o $@ $<

check-control: $(B)/tmattach $(B)/tests/live/control.so $(launch_native) live-roots
	$(q)B='$(abspath $(B))' tests/live/run control control_killed launch launch_job

.PHONY: soak-control
soak-control: $(B)/tmattach $(B)/tests/live/control.so $(launch_native) live-roots
	$(q)LONG=1 B='$(abspath $(B))' tests/live/run control control_killed launch launch_job

soak: soak-control
