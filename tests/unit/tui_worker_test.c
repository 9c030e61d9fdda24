#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <unistd.h>
#include <cmocka.h>

#include "tui_harness.h"
#include "tui_queue.h"
#include "worker.h"

static struct table_query query_of(struct snap *snap)
{
	struct table_query query = { .key = TM_KEY_LINENO, .domain = -1,
				     .nsnaps = 1 };

	query.newer = tm_calloc(1, sizeof(*query.newer));
	query.newer[0] = snap_get(snap);
	return query;
}

static void the_worker_answers(void **state)
{
	struct queue *queue = queue_create();
	struct worker *worker = worker_create(&(pid_t){ 0 }, 1, queue);
	struct snap *snap = snap_create(harness_snapshot(0), NULL);
	struct snap **saved = tm_calloc(1, sizeof(*saved));
	struct table_query query = query_of(snap);
	struct event *table, *event;
	char path[] = "/tmp/tmattach-tui-XXXXXX.tms";
	int fd = mkstemps(path, 4);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	worker_query(worker, &query);
	table = queue_next(queue, EV_TABLE);
	assert_int_equal(table->table->nrows, 60);
	worker_detail(worker, table->table, table_row(table->table, 0, false));
	event = queue_next(queue, EV_DETAIL);
	assert_int_equal(event->detail->nsites, 1);
	event_destroy(event);
	saved[0] = snap_get(snap);
	worker_save(worker, saved, 1, path, false);
	event_destroy(queue_next(queue, EV_EXISTS));
	saved = tm_calloc(1, sizeof(*saved));
	saved[0] = snap_get(snap);
	worker_save(worker, saved, 1, path, true);
	event = queue_next(queue, EV_SAVED);
	assert_string_equal(event->text, path);
	event_destroy(event);
	saved = tm_calloc(1, sizeof(*saved));
	saved[0] = snap_get(snap);
	worker_save(worker, saved, 1, "/tmp/tmattach-tui.what", true);
	event_destroy(queue_next(queue, EV_TROUBLE));
	query = query_of(snap);
	query.key = TM_KEY_TRACEBACK;
	query.cumulative = true;
	worker_query(worker, &query);
	event_destroy(queue_next(queue, EV_TROUBLE));
	worker_drop(worker, table_get(table->table));
	event_destroy(table);
	snap_put(snap);
	worker_destroy(worker);
	queue_destroy(queue);
	unlink(path);
}

static void source_lines_come_with_their_function(void **state)
{
	struct queue *queue = queue_create();
	struct worker *worker = worker_create(&(pid_t){ 0 }, 1, queue);
	struct line_list list = { tm_calloc(2, sizeof(struct line)), 2 };
	char path[] = "/tmp/tmattach-tui-XXXXXX.py";
	int fd = mkstemps(path, 3);
	struct event *event;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "def f():\n    return 1\n", 22), 22);
	close(fd);
	for (uint32_t i = 0; i < 2; i++) {
		list.items[i].filename = tm_strdup(i ? "/no/such/file.py" : path);
		list.items[i].filename_len = strlen(list.items[i].filename);
		list.items[i].lineno = 2;
	}
	worker_lines(worker, &list, SIZE_MAX);
	event = queue_next(queue, EV_LINES);
	assert_string_equal(event->lines.items[0].text, "return 1");
	assert_string_equal(event->lines.items[0].function, "f");
	assert_null(event->lines.items[1].text);
	event_destroy(event);
	worker_destroy(worker);
	queue_destroy(queue);
	unlink(path);
}

/* Asked while it is at work; a question that was not answered yet gives way. */
static void the_worker_looks_into_objects(void **state)
{
	struct queue *queue = queue_create();
	struct worker *worker = worker_create(&(pid_t){ 0 }, 1, queue);
	struct shop shop;
	struct tm_err err;
	struct objects *objects = objects_create(shop_make(&shop, 50, 5), &err);
	struct objects_query query = { objects_get(objects), OBJECTS_HOLDERS,
				       tm_strdup("shop.models.User"), 0 };
	struct event *event;

	(void)state;
	worker_objects(worker, &query);
	assert_null(query.objects);
	event = queue_next(queue, EV_OBJECTS);
	assert_ptr_equal(event->objects.query.objects, objects);
	assert_int_equal(event->objects.holders->count, 13);
	query = (struct objects_query){ objects_get(objects), OBJECTS_INSTANCES,
					tm_strdup("shop.models.User"),
					event->objects.holders->paths[0].pattern };
	event_destroy(event);
	worker_objects(worker, &query);
	event = queue_next(queue, EV_OBJECTS);
	assert_int_equal(event->objects.instances->count, 13);
	event_destroy(event);
	query = (struct objects_query){ objects_get(objects), OBJECTS_RETAINED, NULL, 0 };
	objects_put(objects);
	worker_objects(worker, &query);
	worker_destroy(worker); /* answered or not, nothing is lost */
	queue_destroy(queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_worker_answers),
		cmocka_unit_test(the_worker_looks_into_objects),
		cmocka_unit_test(source_lines_come_with_their_function),
	};

	return cmocka_run_group_tests_name("tui_worker", tests, NULL, NULL);
}
