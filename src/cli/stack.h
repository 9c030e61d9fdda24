/*
 * Room for libraries that ask for much of the stack: libdw's reader of line
 * tables takes 150 KiB of it, and `ulimit -s' may leave less. The limit itself
 * stays: what `run' starts inherits it.
 */
#ifndef TM_CLI_STACK_H
#define TM_CLI_STACK_H

/* Returns what run(argc, argv) returns, called on a stack of our own if the
 * limit is small. Threads that are created later get as much. */
int cli_with_stack(int (*run)(int argc, char **argv), int argc, char **argv);

#endif
