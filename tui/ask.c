#include "ask.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/alloc.h"

static struct thread_page *page_of(struct tm_threads *threads)
{
	return threads ? thread_page_create(threads) : NULL;
}

static const struct tm_heap_opts objects_opts = { .references = true, .names = true };

#define ASK(name, call, ...) \
	static bool run_##name(struct tm_session *session, uint32_t nframe, \
			       struct answer *ret, struct tm_err *err) \
	{ \
		(void)session, (void)nframe, (void)ret, (void)err; \
		return call; \
	}
#include "asks.def"

const struct ask asks[REQUEST_COUNT] = {
#define ASK(name, call, ...) [REQUEST_##name] = { .run = run_##name, __VA_ARGS__ },
#include "asks.def"
};

void answer_deinit(struct answer *answer)
{
	thread_page_destroy(answer->threads);
	objects_put(answer->objects);
}

void answer_destroy(struct answer *answer)
{
	if (answer)
		answer_deinit(answer);
	free(answer);
}
