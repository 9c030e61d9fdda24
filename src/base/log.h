/*
 * Debug lines on stderr, off unless TMATTACH_DEBUG is set in the environment.
 * Any room may log; nothing else outside src/cli and tui prints.
 */
#ifndef TM_BASE_LOG_H
#define TM_BASE_LOG_H

void tm_log(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
