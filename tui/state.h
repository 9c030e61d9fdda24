/*
 * The state of the view. Pure: no terminal, no threads, no files. Functions
 * that change it return reactions: what the loop has to do.
 */
#ifndef TUI_STATE_H
#define TUI_STATE_H

#include <stdbool.h>

#include "event.h"
#include "filters.h"
#include "history.h"
#include "page.h"
#include "screen.h"
#include "types.h"

#define R_ASK(request) (1u << (10 + (request))) /* of the sources in scope */
#define R_ASKS         (~0u << 10)             /* any of them */

enum reaction {
	R_DRAW = 1 << 0,
	R_QUERY = 1 << 1,      /* ask the worker: state_query() */
	R_DETAIL = 1 << 2,     /* ask for the selected row's tracebacks */
	R_SAMPLE = 1 << 3,     /* sample now */
	R_INTERVAL = 1 << 4,   /* interval_ms or paused changed */
	R_SAVE = 1 << 5,       /* to save_path; save_overwrite */
	R_REPAINT = 1 << 6,    /* the terminal may be garbled */
	R_SUSPEND = 1 << 7,
	R_QUIT = 1 << 8,
	R_LOOK_INTO = 1 << 9,  /* ask the worker: state_objects_query() */
#define ASK(name, ...) R_##name = R_ASK(REQUEST_##name),
#include "asks.def"
};

enum prompt_kind { PROMPT_FILTER, PROMPT_FIND, PROMPT_SAVE, PROMPT_NFRAME,
		   PROMPT_TYPE };

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
	struct tm_heap_groups *marked_types; /* NULL: no baseline */
	uint64_t took_ms;
	bool sampling;            /* long enough to be talked about: */
	uint64_t sampled, to_sample; /* bytes; the second is an estimate */
	struct answer *answers[REQUEST_COUNT]; /* for pages; NULL: none yet */
};

struct scroll {
	size_t top, cursor;
};

#define SCOPE_ALL SIZE_MAX

struct state {
	const struct page *const *pages; /* by mode */
	int rows, cols;
	bool utf8;
	uint64_t now_ms;

	struct source *sources;
	size_t nsources;
	size_t scope;             /* a source, or SCOPE_ALL */

	enum tm_key key;
	struct tm_skip skip; /* borrowed */
	bool cumulative, diff, reverse, paused;
	enum sort sort;
	int64_t domain;           /* -1: all */
	struct filters filters;
	uint64_t interval_ms;     /* as wanted */
	uint64_t effective_ms;    /* as the pauses allow; 0: not known yet */

	struct table *table;      /* NULL: none yet */
	struct tm_err refused;    /* why there is none */
	bool computing;           /* a query is under way */
	size_t followed;          /* the cursor when the query was made */
	struct detail *detail;    /* MODE_DETAIL; NULL: on its way */
	struct lines lines;
	struct types types;       /* MODE_OBJECTS and what it leads to */

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
	const struct page *const *pages;
	size_t nsources;
	enum tm_key key;
	bool cumulative;
	struct tm_skip skip; /* borrowed */
	const struct tm_filter *filters;
	size_t nfilters;
	uint64_t interval_ms;
	bool utf8;
};

void state_init(struct state *state, const struct state_opts *opts);
void state_deinit(struct state *state);
/* Let go of what it holds. */
void source_deinit(struct source *source);

/* The query that the state means; the caller owns its content. */
void state_query(struct state *state, struct table_query *ret);

/* The process whose objects are shown: of several in scope the first. */
size_t state_objects_source(const struct state *state);
/* Its objects have come, or its baseline, or it is another one. Not while those
 * before are looked into: again when that is left. Returns reactions. */
unsigned state_show_objects(struct state *state);
/* What the page asks of them, which are there; the caller owns its content. */
void state_objects_query(const struct state *state, struct objects_query *ret);

/* The selected row; NULL if there is none. */
const struct tm_stat *state_selected(const struct state *state);

/* The sources in scope are those i for which this holds. Children that have
 * ended are among all of them only when nothing runs any more. */
bool state_in_scope(const struct state *state, size_t i);
/* Another one is meant from now on, or SCOPE_ALL; returns reactions. */
unsigned state_set_scope(struct state *state, size_t scope);
bool state_is_offline(const struct state *state);
bool state_has_mark(const struct state *state);

/* The page that is shown, be it under a dialog. */
enum mode state_page(const struct state *state);
/* Open a dialog: from the page that it goes back to, or from another dialog. */
void state_open(struct state *state, enum mode mode);
/* Let the user edit a line that begins as `text`. */
void state_prompt(struct state *state, enum prompt_kind kind, const char *text);
/* The line being typed, as a filter; false if it is not one. */
bool state_typed_filter(const struct state *state, struct tm_filter *ret);
/* Ask a yes-or-no question; `on_yes`: reactions. */
void state_confirm(struct state *state, unsigned on_yes, const char *format, ...)
	TM_PRINTF(3, 4);

/* Name the sources in scope that are such: "pid 4711", "2 processes". Returns
 * how many there are. */
size_t state_whom(const struct state *state, bool (*is)(const struct source *),
		  char buf[static 32]);
bool source_is_process(const struct source *source);

/* How many lines the list of a mode has, and how many of them are seen. */
size_t state_list_length(const struct state *state, enum mode mode);
size_t state_list_height(const struct state *state, enum mode mode);

/* Keep the cursor inside the list and the list around the cursor. */
void state_clamp(struct state *state, enum mode mode);
void state_clamp_all(struct state *state);
void state_move(struct state *state, enum mode mode, int64_t delta);

/* Say something for a few seconds. */
void state_say(struct state *state, enum role role, const char *format, ...)
	TM_PRINTF(3, 4);

/* The same for an error: object, cause, next step. */
void state_say_err(struct state *state, const struct tm_err *err);

#endif
