/* What a target is asked once, by a key, and the answer. */
#ifndef TUI_ASK_H
#define TUI_ASK_H

#include "objects.h"
#include "thread_page.h"
#include "tmattach/process.h"

enum request {
#define ASK(name, ...) REQUEST_##name,
#include "asks.def"
	REQUEST_COUNT
};

struct answer {
	enum request request;
	struct tm_err err;           /* kind NONE: it was done */
	struct tm_control_result control; /* of START and STOP */
	uint64_t count;              /* of what counts: the number in `done` */
	struct thread_page *threads; /* of THREADS */
	struct objects *objects;     /* of OBJECTS */
};

void answer_deinit(struct answer *answer);
void answer_destroy(struct answer *answer); /* NULL is fine */

enum ask_of {
	ASK_SESSION, /* the session */
	ASK_TRACES,  /* the session; its traces are different afterwards */
	ASK_PROCESS, /* any process: a session of its own that is opened as such */
	ASK_UNKNOWN, /* a process without a known runtime: a session on our
			recorder is opened, and asked to START */
};

struct ask {
	enum ask_of of;
	/* Called on the sampler's thread. */
	bool (*run)(struct tm_session *session, uint32_t nframe,
		    struct answer *ret, struct tm_err *err);
	/* Messages: while a key's question is on its way, and when it was done:
	 * formats for the pid, a number (the limit of frames, where tracing
	 * changes) and its plural. `already`: if nothing had to be changed. */
	const char *asking, *done, *already;
	/* A row in the menu of tracing controls; NULL: none. */
	const char *title, *explain;
	/* Confirmed first, with %s for the processes; NULL: the user is asked
	 * for the number of frames. */
	const char *question;
	/* What is on the page, in the plural; NULL: it has no page. */
	const char *what;
	/* Its page shows one process: of several the first, until Tab. */
	bool of_one;
};

extern const struct ask asks[REQUEST_COUNT];

#endif
