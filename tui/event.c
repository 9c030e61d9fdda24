#include "event.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/alloc.h"

struct event *event_create(enum event_kind kind, size_t source)
{
	struct event *event = tm_calloc(1, sizeof(*event));

	event->kind = kind;
	event->source = source;
	return event;
}

void event_destroy(struct event *event)
{
	if (!event)
		return;
	if (event->kind == EV_SAMPLE)
		snap_put(event->sample.snap);
	else if (event->kind == EV_DONE)
		answer_deinit(&event->done);
	else if (event->kind == EV_TABLE)
		table_put(event->table);
	else if (event->kind == EV_DETAIL)
		detail_destroy(event->detail);
	else if (event->kind == EV_OBJECTS)
		objects_answer_deinit(&event->objects);
	else if (event->kind == EV_LINES)
		line_list_deinit(&event->lines);
	free(event);
}

struct queue {
	pthread_mutex_t lock;
	struct event *first, **last;
	int fd;
};

struct queue *queue_create(void)
{
	struct queue *queue = tm_calloc(1, sizeof(*queue));

	pthread_mutex_init(&queue->lock, NULL);
	queue->last = &queue->first;
	queue->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return queue;
}

void queue_destroy(struct queue *queue)
{
	struct event *event;

	if (!queue)
		return;
	while ((event = queue_pop(queue)))
		event_destroy(event);
	pthread_mutex_destroy(&queue->lock);
	if (queue->fd >= 0)
		close(queue->fd);
	free(queue);
}

void queue_push(struct queue *queue, struct event *event)
{
	uint64_t one = 1;
	ssize_t n;

	event->next = NULL;
	pthread_mutex_lock(&queue->lock);
	*queue->last = event;
	queue->last = &event->next;
	pthread_mutex_unlock(&queue->lock);
	/* Fails only when the counter is full: then the loop wakes up anyway. */
	n = write(queue->fd, &one, sizeof(one));
	(void)n;
}

struct event *queue_pop(struct queue *queue)
{
	struct event *event;
	uint64_t count;
	ssize_t n;

	pthread_mutex_lock(&queue->lock);
	event = queue->first;
	if (event) {
		queue->first = event->next;
		event->next = NULL;
	}
	if (!queue->first) {
		queue->last = &queue->first;
		n = read(queue->fd, &count, sizeof(count));
		(void)n; /* already empty is fine */
	}
	pthread_mutex_unlock(&queue->lock);
	return event;
}

int queue_fd(const struct queue *queue)
{
	return queue->fd;
}
