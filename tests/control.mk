# Control from outside: start, stop, clear, where, run.

CHECKS += check-control

.PHONY: check-control

check-control: $(B)/tmattach $(B)/tests/live/control.so live-roots
	$(q)B='$(abspath $(B))' tests/live/run control control_killed launch
