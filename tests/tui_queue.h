/* For the tests of the view's threads: cmocka must have been included. */
#ifndef TESTS_TUI_QUEUE_H
#define TESTS_TUI_QUEUE_H

#include <poll.h>

#include "event.h"

/* The next event of this kind; the test fails after far too long. */
static struct event *queue_next(struct queue *queue, enum event_kind kind)
{
	for (;;) {
		struct pollfd fd = { .fd = queue_fd(queue), .events = POLLIN };
		struct event *event = queue_pop(queue);

		if (event && event->kind == kind)
			return event;
		event_destroy(event);
		if (!event)
			assert_int_equal(poll(&fd, 1, 60000), 1);
	}
}

#endif
