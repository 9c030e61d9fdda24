/*
 * What happens to the view: keys and the mouse, what the sampler read, what
 * the worker computed. The state consumes events one by one.
 */
#ifndef TUI_EVENT_H
#define TUI_EVENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "ask.h"
#include "detail.h"
#include "lines.h"
#include "snap.h"
#include "table.h"
#include "tmattach/process.h"

/* Keys are Unicode code points, or one of these. */
enum key_code {
	KEYS_FIRST = 0x110000,
	K_UP = KEYS_FIRST, K_DOWN, K_LEFT, K_RIGHT, K_PAGE_UP, K_PAGE_DOWN,
	K_HOME, K_END, K_BACKSPACE, K_DELETE, K_BACKTAB,
	K_F1, K_F2, K_F3, K_F4, K_F5, K_F6, K_F7, K_F8, K_F9, K_F10,
	KEYS_END,
	K_ENTER = '\n', K_ESCAPE = 27, K_TAB = '\t',
};
#define K_CTRL(c) ((c) & 0x1f)

enum mouse_button { MOUSE_LEFT, MOUSE_DOUBLE, MOUSE_WHEEL_UP, MOUSE_WHEEL_DOWN };

enum event_kind {
	EV_KEY,
	EV_MOUSE,
	EV_RESIZE,
	EV_CLOCK,    /* time passed: messages go */
	EV_ADDED,    /* a process came: a new source, or in place of a gone one */
	EV_OPENED,   /* a source was attached to */
	EV_STATUS,   /* cheap figures of a source */
	EV_PROGRESS, /* a long sample is under way */
	EV_SAMPLE,   /* a snapshot of a source */
	EV_FAILED,   /* a call on a source failed */
	EV_NOTE,     /* the session remarks something */
	EV_DONE,     /* a request to a source was carried out, or failed */
	EV_TABLE,    /* the answer to a query */
	EV_DETAIL,   /* the tracebacks of a row */
	EV_OBJECTS,  /* what was asked of objects */
	EV_LINES,    /* source lines that were asked for */
	EV_SAVED,    /* a snapshot was written */
	EV_TROUBLE,  /* the worker failed */
	EV_EXISTS,   /* the file to save to exists already */
};

struct event {
	struct event *next;
	enum event_kind kind;
	size_t source;          /* ADDED to DONE */
	uint64_t at_ms;         /* monotonic; STATUS, CLOCK */
	union {
		int key;
		struct { enum mouse_button button; int row, col; } mouse;
		struct { int rows, cols; } size;
		pid_t pid;              /* ADDED */
		struct { pid_t pid; char command[264]; } opened;
		struct tm_status status;
		struct { uint64_t done, total; } progress; /* bytes; an estimate */
		struct {
			struct snap *snap;
			uint64_t took_ms;     /* wall time of the sample */
			uint64_t interval_ms; /* until the next one */
			bool round_done;      /* the last source of a round */
		} sample;
		struct {
			struct tm_err err;
			bool opening, fatal;
			bool replaced;        /* by exec(): it is opened again */
		} failed;
		struct answer done;
		char text[1024];          /* NOTE; SAVED, EXISTS: the path */
		struct table *table;
		struct detail *detail;
		struct objects_answer objects;
		struct line_list lines;
		struct tm_err err;        /* TROUBLE */
	};
};

struct event *event_create(enum event_kind kind, size_t source);
/* With all it still owns. */
void event_destroy(struct event *event);

/* From any thread to the loop. */
struct queue;
struct queue *queue_create(void);
void queue_destroy(struct queue *queue);
void queue_push(struct queue *queue, struct event *event);
/* The oldest event, or NULL. The caller owns it. */
struct event *queue_pop(struct queue *queue);
/* Readable while events wait. */
int queue_fd(const struct queue *queue);

#endif
