# The live view in a real terminal, and the screens the README shows.

.PHONY: check-tui check-readme

check-tui: $(B)/tmattach
	$(q)B='$(B)' tests/screen/tmux.sh

check-readme:
	$(q)tests/screen/readme-check

CHECKS += check-tui check-readme
