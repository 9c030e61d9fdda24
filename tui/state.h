/*
 * The state of the view, and what events do to it. Pure: no terminal, no
 * threads, no files. state_apply() takes an event and answers with reactions:
 * what the loop is to do.
 */
#ifndef TUI_STATE_H
#define TUI_STATE_H

#include <stdbool.h>

#include "event.h"
#include "filters.h"
#include "history.h"
#include "screen.h"

enum reaction {
	R_DRAW = 1 << 0,
	R_QUERY = 1 << 1,      /* ask the worker: state_query() */
	R_DETAIL = 1 << 2,     /* ask for the selected row's tracebacks */
	R_SAMPLE = 1 << 3,     /* sample now */
	R_INTERVAL = 1 << 4,   /* interval_ms or paused changed */
	R_RESET_PEAK = 1 << 5, /* of the sources in scope */
	R_SAVE = 1 << 6,       /* to save_path; save_overwrite */
	R_REPAINT = 1 << 7,    /* the terminal may be garbled */
	R_SUSPEND = 1 << 8,
	R_QUIT = 1 << 9,
	R_START = 1 << 10,     /* tracing, of the sources in scope; `nframe` */
	R_CLEAR = 1 << 11,     /* their traces */
	R_STOP = 1 << 12,      /* tracing */
	R_THREADS = 1 << 13,   /* ask for the threads of the sources in scope */
	R_RECORD = 1 << 14,    /* start the recorder where no runtime is known */
};

enum mode {
	MODE_TABLE,
	MODE_DETAIL,  /* the tracebacks of a row */
	MODE_THREADS, /* the stacks of the threads */
	MODE_HELP,
	MODE_FILTERS, /* the list of filters */
	MODE_SORT,    /* the menu of columns */
	MODE_TRACING, /* the menu of tracing controls */
	MODE_PROMPT,  /* a line of text is typed */
	MODE_CONFIRM, /* a yes-or-no question */
	MODE_COUNT
};

enum prompt_kind { PROMPT_FILTER, PROMPT_FIND, PROMPT_SAVE, PROMPT_NFRAME };

struct prompt {
	enum prompt_kind kind;
	bool exclude, all_frames; /* of a filter */
	size_t len;
	char text[512];           /* UTF-8 */
};

struct source {
	pid_t pid;
	bool is_file;
	bool child;               /* see struct tm_top_source */
	char name[264];           /* command line, or file name */
	bool opened, gone, has_status;
	bool replaced;            /* by exec(): `latest' is of the program before */
	struct tm_status status;
	struct tm_err failure;    /* kind NONE: all is well */
	char note[256];           /* the session's last remark */
	struct history history;
	uint64_t shown_peak;      /* for the graph's scale */
	struct snap *latest, *marked;
	uint64_t took_ms;
	bool sampling;            /* long enough to be talked about: */
	uint64_t sampled, to_sample; /* bytes; the second is an estimate */
	struct thread_page *threads;  /* MODE_THREADS; NULL: not read yet */
	struct tm_err threads_failure;
};

struct scroll {
	size_t top, cursor;
};

#define SCOPE_ALL SIZE_MAX

struct state {
	int rows, cols;
	bool utf8;
	uint64_t now_ms;

	struct source *sources;
	size_t nsources;
	size_t scope;             /* a source, or SCOPE_ALL */

	enum tm_key key;
	bool cumulative, diff, reverse, paused;
	enum sort sort;
	int64_t domain;           /* -1: all */
	struct filters filters;
	uint64_t interval_ms;     /* as wanted */
	uint64_t effective_ms;    /* as the pauses allow; 0: not known yet */

	struct table *table;      /* NULL: none yet */
	bool computing;           /* a query is under way */
	size_t followed;          /* the cursor when the query was made */
	struct detail *detail;    /* MODE_DETAIL; NULL: on its way */
	struct lines lines;

	enum mode mode, back;     /* `back`: where a dialog returns to */
	struct scroll scroll[MODE_COUNT];
	struct prompt prompt;
	char find[512];
	struct scroll find_from;  /* where a search began: back there in vain */
	char save_path[512];
	bool save_overwrite;
	char question[256];       /* MODE_CONFIRM */
	unsigned on_yes;
	uint32_t nframe;          /* to start with: as typed last, or as seen */

	char message[1024];
	enum role message_role;
	uint64_t message_until_ms;
};

struct state_opts {
	size_t nsources;
	enum tm_key key;
	bool cumulative;
	const struct tm_filter *filters;
	size_t nfilters;
	uint64_t interval_ms;
	bool utf8;
};

void state_init(struct state *state, const struct state_opts *opts);
void state_deinit(struct state *state);

/* Apply an event; what it owns may be taken over, the event itself stays the
 * caller's to destroy. Returns reactions. */
unsigned state_apply(struct state *state, struct event *event);

/* The query that the state stands for; the caller owns its content. */
void state_query(struct state *state, struct table_query *ret);

/* The selected row; NULL if there is none. */
const struct tm_stat *state_selected(const struct state *state);

/* The sources in scope are those i for which this holds. Children that have
 * ended are among all of them only when nothing runs any more. */
bool state_in_scope(const struct state *state, size_t i);
bool state_is_offline(const struct state *state);
bool state_has_mark(const struct state *state);

/* Text without a cursor, which is scrolled. */
bool state_is_pager(enum mode mode);
/* Where a dialog over this mode goes back to. */
enum mode state_back_of(enum mode mode);

/* "pid 4711", "2 processes": what is in scope, files aside. */
void state_whom(const struct state *state, char buf[static 32]);

/* How many lines the list of a mode has, and how many of them are seen. */
size_t state_list_length(const struct state *state, enum mode mode);
size_t state_list_height(const struct state *state, enum mode mode);

/* Say something for a few seconds. */
void state_say(struct state *state, enum role role, const char *format, ...)
	TM_PRINTF(3, 4);

/* The same for an error: object, cause, next step. */
void state_say_err(struct state *state, const struct tm_err *err);

#endif
