# The descriptions of terminals that are built in, from those of the machine
# that builds (Debian's package ncurses-base has them all).

terminfo_types := ansi cygwin dumb linux rxvt rxvt-unicode rxvt-unicode-256color \
	screen screen-256color screen.xterm-256color tmux tmux-256color vt100 vt102 \
	vt220 xterm xterm-256color xterm-color xterm-mono

$(B)/gen/terminfo.c: tui/terminfo.mk
	$(call say,GEN,$@)
	$(q)mkdir -p $(@D) && { \
		echo '/* Made from the terminfo database: do not edit. */'; \
		echo '#include "terminfo.h"'; \
		echo 'const struct terminfo terminfo_entries[] = {'; \
		for type in $(terminfo_types); do \
			entry=$$(env -i PATH="$$PATH" infocmp -Q2 $$type) || exit 1; \
			printf '{ "%s", "%s" },\n' $$type \
				"$$(printf %s "$$entry" | sed '/^#/d' | tr -d '\n')"; \
		done && echo '};' && \
		echo 'const size_t terminfo_nentries = sizeof(terminfo_entries) / sizeof(terminfo_entries[0]);'; \
	} >$@.new && mv $@.new $@

$(B)/gen/terminfo.o: $(B)/gen/terminfo.c
	$(call say,CC,$<)
	$(q)$(CC) $(common) $(inc_tui) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

tui_obj += $(B)/gen/terminfo.o
