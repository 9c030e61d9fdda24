/*
 * The terminal guard: a child process that does nothing but wait for its
 * parent's end. Should the parent be killed in a way it cannot catch, the guard
 * puts the terminal back. Crash signals are handled in the process itself, so
 * that the shell's prompt does not come before the restoring.
 */
#ifndef TUI_GUARD_H
#define TUI_GUARD_H

#include <stdbool.h>

/* Remember the terminal's modes and how to leave the full screen; start the
 * child. Without a child (no processes left) only crashes are covered. */
void guard_start(int tty, const char *restore);

/* From now on the terminal is ours and has to be put back, or not any more. */
void guard_arm(bool armed);

/* The terminal is in order: end the child. */
void guard_stop(void);

#endif
