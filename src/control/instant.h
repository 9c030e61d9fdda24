/* Which thread can be borrowed for a call at this instant. Private to
 * src/control. */
#ifndef TM_CONTROL_INSTANT_H
#define TM_CONTROL_INSTANT_H

#include "control/symbols.h"
#include "native/unwind.h"
#include "target/stop.h"

struct control_view {
	struct tm_mem *mem;
	pid_t pid;
	struct tm_maps maps;    /* as they were before the stop */
	struct control_symbols symbols;
	struct native_modules modules;
	struct tm_unwinder *unwinder;
};

/*
 * A stopped thread that holds no lock of the allocator, the loader or the
 * thread library, so that it can call pthread_create(); NULL if there is none
 * at this instant.
 *
 * Those locks are taken and released inside the C
 * library, the loader and the allocator (the opaque images), which call
 * nothing outside while they hold one that a new thread needs. So a thread
 * qualifies
 *  - whose program counter is outside of them (it computes in Python, in an
 *    extension, in any other library), or
 *  - which waits in a system call that is not made under such a lock: the
 *    blocking ones of the list in instant.c, unless it is the loader that
 *    makes it.
 * In both cases its stack is unwound and must hold no signal handler: that
 * may have interrupted the allocator. Threads that wait are preferred: they
 * miss nothing meanwhile; and among them one with no function of Python's on
 * its whole stack, and room on it (*ret_embeds): it may be the one that holds
 * the GIL.
 */
struct tm_thread *control_choose(struct tm_stop *stop, struct control_view *view,
				 bool *ret_embeds);

#endif
