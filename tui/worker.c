#include "worker.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "line_files.h"
#include "tmattach/file.h"

#define DROPS_MAX 16

struct save_job {
	struct snap **snaps;
	size_t n;
	char *path;
	bool overwrite;
};

struct process_of_source {
	size_t source;
	pid_t pid;
};

struct worker {
	struct queue *events;
	pthread_t thread;
	struct line_files *files;
	struct table_cache *cache;

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t wake;
	bool stop, has_query;
	struct process_of_source *others; /* that `files` does not know of */
	size_t nothers;
	struct table_query query;
	struct table *detail_of;
	struct tm_stat detail_stat;
	struct objects_query objects[OBJECTS_ABOUT]; /* the latest about each */
	struct line_list lines;
	size_t lines_source;
	struct save_job save;
	struct table *drops[DROPS_MAX];
	size_t ndrops;
};

static void push_trouble(struct worker *worker, const struct tm_err *err)
{
	struct event *event = event_create(EV_TROUBLE, 0);

	event->err = *err;
	queue_push(worker->events, event);
}

static void do_query(struct worker *worker, struct table_query *query)
{
	struct tm_err err = { 0 };
	struct table *table = table_compute(query, worker->cache, &err);
	struct event *event;

	table_query_deinit(query);
	if (!table) {
		push_trouble(worker, &err);
		return;
	}
	event = event_create(EV_TABLE, 0);
	event->table = table;
	queue_push(worker->events, event);
}

static void do_detail(struct worker *worker, struct table *table,
		      const struct tm_stat *stat)
{
	struct event *event = event_create(EV_DETAIL, 0);

	event->detail = detail_create(table, stat);
	table_put(table);
	queue_push(worker->events, event);
}

/* Whose the sources are now; under the lock. */
static void take_others(struct worker *worker)
{
	for (size_t i = 0; i < worker->nothers; i++)
		line_files_source(worker->files, worker->others[i].source,
				  worker->others[i].pid);
	worker->nothers = 0;
}

static void do_lines(struct worker *worker, struct line_list *list,
		     size_t source)
{
	struct event *event = event_create(EV_LINES, 0);

	line_files_find(worker->files, list, source);
	event->lines = *list;
	queue_push(worker->events, event);
}

/* ---- saving --------------------------------------------------------------------- */

static bool save(const struct save_job *job, struct tm_err *err)
{
	const struct tm_codec *codec = tm_codec_by_suffix(job->path);
	struct snap *snap;
	bool ok;

	if (!codec || !codec->write) {
		tm_err_set(err, TM_ERR_USAGE, job->path, "%s",
			   codec ? "this format cannot be written" :
				   "no format has this suffix");
		return tm_err_hint(err, "use .tms, .pickle or another suffix of `tmattach convert --help`");
	}
	snap = snap_merge(job->snaps, job->n, err);
	if (!snap)
		return false;
	ok = tm_snapshot_save(snap->snapshot, job->path, codec,
			      &(struct tm_codec_opts){ 0 }, err);
	snap_put(snap);
	return ok;
}

static void save_job_deinit(struct save_job *job)
{
	for (size_t i = 0; i < job->n; i++)
		snap_put(job->snaps[i]);
	free(job->snaps);
	free(job->path);
	*job = (struct save_job){ 0 };
}

static void do_save(struct worker *worker, struct save_job *job)
{
	struct tm_err err = { 0 };
	bool exists = !job->overwrite && access(job->path, F_OK) == 0;
	struct event *event;

	if (!exists && !save(job, &err)) {
		push_trouble(worker, &err);
	} else {
		event = event_create(exists ? EV_EXISTS : EV_SAVED, 0);
		snprintf(event->text, sizeof(event->text), "%s", job->path);
		queue_push(worker->events, event);
	}
	save_job_deinit(job);
}

/* ---- objects --------------------------------------------------------------------- */

static void do_objects(struct worker *worker, struct objects_query *query)
{
	struct event *event = event_create(EV_OBJECTS, 0);

	objects_answer_init(&event->objects, query);
	queue_push(worker->events, event);
}

/* The next question; NULL: there is none. */
static struct objects_query *next_objects(struct worker *worker)
{
	for (size_t i = OBJECTS_ABOUT; i-- > 0;)
		if (worker->objects[i].objects)
			return &worker->objects[i];
	return NULL;
}

/* ---- the thread ------------------------------------------------------------------ */

/* One job, the quickest first. Called and left with the lock held, which is
 * released in between. False: there was none. */
static bool do_one(struct worker *worker)
{
	take_others(worker);
	if (worker->lines.n) {
		struct line_list lines = worker->lines;
		size_t source = worker->lines_source;

		worker->lines = (struct line_list){ 0 };
		pthread_mutex_unlock(&worker->lock);
		do_lines(worker, &lines, source);
	} else if (worker->detail_of) {
		struct table *table = worker->detail_of;
		struct tm_stat stat = worker->detail_stat;

		worker->detail_of = NULL;
		pthread_mutex_unlock(&worker->lock);
		do_detail(worker, table, &stat);
	} else if (worker->has_query) {
		struct table_query query = worker->query;

		worker->has_query = false;
		worker->query = (struct table_query){ 0 };
		pthread_mutex_unlock(&worker->lock);
		do_query(worker, &query);
	} else if (worker->save.path) {
		struct save_job job = worker->save;

		worker->save = (struct save_job){ 0 };
		pthread_mutex_unlock(&worker->lock);
		do_save(worker, &job);
	} else if (next_objects(worker)) {
		struct objects_query query = *next_objects(worker);

		*next_objects(worker) = (struct objects_query){ 0 };
		pthread_mutex_unlock(&worker->lock);
		do_objects(worker, &query);
	} else if (worker->ndrops) {
		struct table *table = worker->drops[--worker->ndrops];

		pthread_mutex_unlock(&worker->lock);
		table_put(table);
	} else {
		return false;
	}
	pthread_mutex_lock(&worker->lock);
	return true;
}

static void *worker_main(void *arg)
{
	struct worker *worker = arg;

	pthread_mutex_lock(&worker->lock);
	while (!worker->stop)
		if (!do_one(worker))
			pthread_cond_wait(&worker->wake, &worker->lock);
	pthread_mutex_unlock(&worker->lock);
	return NULL;
}

static void worker_free(struct worker *worker)
{
	line_files_destroy(worker->files);
	for (size_t i = 0; i < worker->ndrops; i++)
		table_put(worker->drops[i]);
	table_query_deinit(&worker->query);
	table_put(worker->detail_of);
	for (size_t i = 0; i < OBJECTS_ABOUT; i++)
		objects_query_deinit(&worker->objects[i]);
	line_list_deinit(&worker->lines);
	save_job_deinit(&worker->save);
	table_cache_destroy(worker->cache);
	pthread_mutex_destroy(&worker->lock);
	pthread_cond_destroy(&worker->wake);
	free(worker->others);
	free(worker);
}

struct worker *worker_create(const pid_t *pids, size_t npids,
			     struct queue *events)
{
	struct worker *worker = tm_calloc(1, sizeof(*worker));

	worker->events = events;
	worker->files = line_files_create(pids, npids);
	worker->cache = table_cache_create();
	pthread_mutex_init(&worker->lock, NULL);
	pthread_cond_init(&worker->wake, NULL);
	if (pthread_create(&worker->thread, NULL, worker_main, worker) == 0)
		return worker;
	worker_free(worker);
	return NULL;
}

void worker_destroy(struct worker *worker)
{
	if (!worker)
		return;
	pthread_mutex_lock(&worker->lock);
	worker->stop = true;
	pthread_cond_signal(&worker->wake);
	pthread_mutex_unlock(&worker->lock);
	pthread_join(worker->thread, NULL);
	worker_free(worker);
}

static void unlock_and_wake(struct worker *worker)
{
	pthread_cond_signal(&worker->wake);
	pthread_mutex_unlock(&worker->lock);
}

void worker_source(struct worker *worker, size_t i, pid_t pid)
{
	pthread_mutex_lock(&worker->lock);
	worker->others = tm_reallocarray(worker->others, worker->nothers + 1,
				       sizeof(*worker->others));
	worker->others[worker->nothers++] =
		(struct process_of_source){ i, pid };
	unlock_and_wake(worker);
}

void worker_query(struct worker *worker, struct table_query *query)
{
	pthread_mutex_lock(&worker->lock);
	table_query_deinit(&worker->query);
	worker->query = *query;
	worker->has_query = true;
	*query = (struct table_query){ 0 };
	unlock_and_wake(worker);
}

void worker_detail(struct worker *worker, struct table *table,
		   const struct tm_stat *stat)
{
	pthread_mutex_lock(&worker->lock);
	table_put(worker->detail_of);
	worker->detail_of = table_get(table);
	worker->detail_stat = *stat;
	unlock_and_wake(worker);
}

void worker_objects(struct worker *worker, struct objects_query *query)
{
	pthread_mutex_lock(&worker->lock);
	objects_query_deinit(&worker->objects[query->about]);
	worker->objects[query->about] = *query;
	*query = (struct objects_query){ 0 };
	unlock_and_wake(worker);
}

void worker_lines(struct worker *worker, struct line_list *list, size_t source)
{
	struct line_list *all = &worker->lines;

	pthread_mutex_lock(&worker->lock);
	worker->lines_source = source;
	all->items = tm_reallocarray(all->items, all->n + list->n,
				   sizeof(*all->items));
	if (list->n)
		memcpy(all->items + all->n, list->items,
		       list->n * sizeof(*list->items));
	all->n += list->n;
	free(list->items);
	*list = (struct line_list){ 0 };
	unlock_and_wake(worker);
}

void worker_save(struct worker *worker, struct snap **snaps, size_t nsnaps,
		 const char *path, bool overwrite)
{
	pthread_mutex_lock(&worker->lock);
	save_job_deinit(&worker->save);
	worker->save = (struct save_job){ snaps, nsnaps, tm_strdup(path), overwrite };
	unlock_and_wake(worker);
}

void worker_drop(struct worker *worker, struct table *table)
{
	if (!table)
		return;
	pthread_mutex_lock(&worker->lock);
	if (worker->ndrops < DROPS_MAX) {
		worker->drops[worker->ndrops++] = table;
		table = NULL;
	}
	unlock_and_wake(worker);
	table_put(table);
}
