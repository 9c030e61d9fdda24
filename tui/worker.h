/*
 * The worker: the thread that computes tables, drill-downs and source lines
 * and writes snapshots, so that no key waits for any of them. Answers come as
 * events. Of several queries only the latest is answered.
 */
#ifndef TUI_WORKER_H
#define TUI_WORKER_H

#include "event.h"

struct worker;

/* Source lines are those of these processes, tried in turn (0: our own view
 * of the files). NULL if no thread could be started. */
struct worker *worker_create(const pid_t *pids, size_t npids,
			     struct queue *events);
/* From now on, source i (or a new one after the last) is this process. */
void worker_source(struct worker *worker, size_t i, pid_t pid);
void worker_destroy(struct worker *worker); /* NULL is fine */

/* Take the query's content over; answered by EV_TABLE or EV_TROUBLE. */
void worker_query(struct worker *worker, struct table_query *query);
/* Answered by EV_DETAIL. */
void worker_detail(struct worker *worker, struct table *table,
		   const struct tm_stat *stat);
/* Takes over what the query holds; answered by EV_OBJECTS. */
void worker_objects(struct worker *worker, struct objects_query *query);
/* Takes the list over; answered by EV_LINES. `source`: whose, or SIZE_MAX. */
void worker_lines(struct worker *worker, struct line_list *list, size_t source);
/* Takes the references over; answered by EV_SAVED, EV_EXISTS, EV_TROUBLE. */
void worker_save(struct worker *worker, struct snap **snaps, size_t nsnaps,
		 const char *path, bool overwrite);
/* Free a table where that does not hold up anything. */
void worker_drop(struct worker *worker, struct table *table);

#endif
