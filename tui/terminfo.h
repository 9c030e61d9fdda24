/*
 * Descriptions of common terminals, for machines that have none of the user's,
 * and the choice between them and those of the machine.
 */
#ifndef TUI_TERMINFO_H
#define TUI_TERMINFO_H

#include <stdbool.h>
#include <stddef.h>

struct terminfo {
	const char *type;
	const char *entry; /* as TERMINFO takes it: "b64:..."; NULL: from files */
};

/* Generated (terminfo.mk). */
extern const struct terminfo terminfo_entries[];
extern const size_t terminfo_nentries;

/*
 * setupterm() for a terminal of this type (of $TERM), by the first description
 * that serves: of files, our own, our own of a terminal that is alike. False if
 * there is none: *ret_status is then setupterm()'s.
 */
bool terminfo_setup(const char *type, int fd, struct terminfo *ret, int *ret_status);

/* Make ncurses find it from here on, and forget it again. */
void terminfo_offer(const struct terminfo *terminfo);
void terminfo_withdraw(const struct terminfo *terminfo);

#endif
