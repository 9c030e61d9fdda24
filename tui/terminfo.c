#include "terminfo.h"

#include <ctype.h>
#include <curses.h>
#include <stdlib.h>
#include <string.h>
#include <term.h>

#include "base/alloc.h"

static const struct terminfo *find(const char *type)
{
	for (size_t i = 0; i < terminfo_nentries; i++)
		if (strcmp(terminfo_entries[i].type, type) == 0)
			return &terminfo_entries[i];
	return NULL;
}

static bool is_of_family(const char *type, const char *family)
{
	size_t n = strlen(family);

	return strncmp(type, family, n) == 0 && !isalpha((unsigned char)type[n]);
}

/* Of the terminals that one meets, nearly all do what xterm does; and there is
 * none that does not do what the VT100 did. */
static const char *alike(const char *type)
{
	static const struct { const char *family, *type; } known[] = {
		{ "screen", "screen-256color" }, { "tmux", "tmux-256color" },
		{ "rxvt", "rxvt-unicode-256color" }, { "linux", "linux" },
		{ "xterm", "xterm-256color" }, { "alacritty", "xterm-256color" },
		{ "contour", "xterm-256color" }, { "foot", "xterm-256color" },
		{ "ghostty", "xterm-256color" }, { "gnome", "xterm-256color" },
		{ "iterm", "xterm-256color" }, { "kitty", "xterm-256color" },
		{ "konsole", "xterm-256color" }, { "mintty", "xterm-256color" },
		{ "ms-terminal", "xterm-256color" }, { "nsterm", "xterm-256color" },
		{ "putty", "xterm-256color" }, { "st", "xterm-256color" },
		{ "vte", "xterm-256color" }, { "wezterm", "xterm-256color" },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (is_of_family(type, known[i].family))
			return known[i].type;
	return "vt100";
}

static char *users; /* what TERMINFO was before */

void terminfo_offer(const struct terminfo *terminfo)
{
	const char *before = getenv("TERMINFO");

	if (!terminfo->entry)
		return;
	users = before ? tm_strdup(before) : NULL;
	setenv("TERMINFO", terminfo->entry, true);
}

void terminfo_withdraw(const struct terminfo *terminfo)
{
	if (!terminfo->entry)
		return;
	if (users)
		setenv("TERMINFO", users, true);
	else
		unsetenv("TERMINFO");
	free(users);
	users = NULL;
}

static bool set_up(const struct terminfo *terminfo, int fd, int *ret_status)
{
	bool done;

	terminfo_offer(terminfo);
	done = setupterm(terminfo->type, fd, ret_status) == OK;
	terminfo_withdraw(terminfo);
	return done;
}

/* The static command opens no files that nobody named. */
static bool may_use_files(void)
{
	return !TM_STATIC || getenv("TERMINFO") || getenv("TERMINFO_DIRS");
}

bool terminfo_setup(const char *type, int fd, struct terminfo *ret, int *ret_status)
{
	const struct terminfo *own;

	*ret = (struct terminfo){ .type = type };
	*ret_status = 0;
	if (!type || !*type)
		return false;
	if (may_use_files() && set_up(ret, fd, ret_status))
		return true;
	if (*ret_status == 1)
		return false; /* known, but not one that can be drawn on */
	own = find(type);
	if (!own)
		own = find(alike(type));
	if (!own)
		return false;
	*ret = *own;
	return set_up(ret, fd, ret_status);
}
