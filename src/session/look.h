/*
 * The one way to look at a subject: stop it, wait until what is read is at rest,
 * copy it or hold it, read, let go, forget the copy. A core hands out its one
 * instant. Private to src/session.
 */
#ifndef TM_SESSION_LOOK_H
#define TM_SESSION_LOOK_H

#include "session/subject.h"
#include "target/stop.h"

/* What a query reads from. */
struct tm_instant {
	struct tm_mem *mem;
	pid_t pid;             /* whose memory it is, the process's or its copy's;
				  0: a core */
	bool held;             /* the process itself, which waits for us */
	struct tm_stop *stop;  /* its threads; NULL: of a core, or not stopped */
};

enum tm_look_how {
	TM_LOOK_ANY,      /* from a copy, where that holds it for less time */
	TM_LOOK_HELD,     /* little is read, or registers are */
	TM_LOOK_RUNNING,  /* it cannot be stopped: read what can be seen */
};

/* The functions run as an act (action.h), all of one look as the same. */
struct tm_look {
	enum tm_look_how how;
	uint64_t bytes;   /* about how much will be read */
	bool told;        /* it has been said that no copy can be made */
	bool maps;        /* session->maps are to be of the instant */
	/* Is it a good instant, in the memory of the stopped process? Called at
	 * one instant after the other until it returns true; NULL: each is good. */
	bool (*at_rest)(struct tm_session *session, bool *ret, struct tm_err *err);
	/* What is asked of the process itself while it is stopped, before a copy
	 * is read; may be NULL. */
	bool (*stopped)(void *ctx, const struct tm_instant *instant,
			struct tm_err *err);
	/* Called again if a copy turned out to be unusable. */
	bool (*read)(void *ctx, const struct tm_instant *instant, struct tm_err *err);
	void *ctx;
	uint64_t paused_ns; /* for how long it was stopped; is added to */
};

/* The target runs on afterwards, whatever the result. Errors are not explained
 * yet (tm_subject_explain()). */
bool tm_look_at(struct tm_session *session, struct tm_look *look,
		struct tm_err *err) TM_MUST_CHECK;

/* Call it between the pieces of a long read: may it go on? */
bool tm_look_goes_on(const struct tm_instant *instant);

#endif
