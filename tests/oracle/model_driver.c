/*
 * Does through the model's door what the commands on stdin say, one answer
 * line each; model_oracle.py compares the answers with Python's own. Texts are
 * written as "x" and hexadecimal digits. See `commands` for the language.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "tmattach/format.h"

enum { NSLOTS = 3, MAX_FILTERS = 16 };

static struct tm_snapshot *snapshots[NSLOTS];
static struct tm_builder *builder;
static tm_id *traces; /* tracebacks of slot 0, in the order they came */
static size_t ntraces, traces_cap;
static struct tm_filter filters[MAX_FILTERS];
static struct tm_buf patterns[MAX_FILTERS];
static size_t nfilters;
static char *rest; /* of the current line */

static const char *word(void)
{
	const char *w = strtok_r(NULL, " \n", &rest);

	if (!w) {
		fprintf(stderr, "model_driver: a word is missing\n");
		exit(2);
	}
	return w;
}

static uint64_t number(void)
{
	return strtoull(word(), NULL, 10);
}

static struct tm_text text(struct tm_buf *buf)
{
	const char *hex = word() + 1;
	unsigned byte;

	tm_buf_clear(buf);
	tm_buf_add(buf, "", 0);
	for (; sscanf(hex, "%2x", &byte) == 1; hex += 2)
		tm_buf_addc(buf, (char)byte);
	return (struct tm_text){ buf->data, buf->len };
}

static void put(struct tm_text t)
{
	putchar('x');
	for (size_t i = 0; i < t.len; i++)
		printf("%02x", (unsigned char)t.bytes[i]);
}

static void put_frame(struct tm_frame_view frame)
{
	putchar(' ');
	put(frame.filename);
	printf(":%" PRIu32, frame.lineno);
}

/* new: begin the snapshot that the next `trace` commands fill. */
static void do_new(void)
{
	builder = tm_builder_create();
	ntraces = 0;
}

/* trace DOMAIN SIZE TOTAL|- N {FILE LINE}: frames oldest first. */
static void do_trace(void)
{
	uint32_t domain = (uint32_t)number();
	uint64_t size = number();
	const char *total = word();
	uint32_t n = (uint32_t)number();
	tm_id *frames = tm_reallocarray(NULL, n, sizeof(*frames));
	struct tm_buf buf = { 0 };
	tm_id tb;

	for (uint32_t i = 0; i < n; i++) {
		struct tm_text name = text(&buf);
		tm_id id = tm_builder_string(builder, name.bytes, name.len);

		frames[i] = tm_builder_frame(builder, id, (uint32_t)number());
	}
	tb = tm_builder_traceback(builder, frames, n,
				  *total == '-' ? TM_TOTAL_NFRAME_NONE :
				  (uint32_t)strtoul(total, NULL, 10));
	tm_builder_traces(builder, tm_builder_site(builder, tb, domain), size,
			  1);
	traces = tm_grow(traces, &traces_cap, ntraces + 1, sizeof(*traces));
	traces[ntraces++] = tb;
	tm_buf_free(&buf);
	free(frames);
}

/* end SLOT: finish it. */
static void do_end(void)
{
	static const struct tm_meta meta;
	struct tm_err err;
	size_t slot = number();

	tm_snapshot_destroy(snapshots[slot]);
	snapshots[slot] = tm_builder_finish(builder, &meta, &err);
	if (!snapshots[slot]) {
		fprintf(stderr, "model_driver: %s\n", err.cause);
		exit(2);
	}
}

/* filter INCLUSIVE ALL LINE|- DOMAIN|- PATTERN|-: one more. */
static void do_filter(void)
{
	struct tm_filter *f = &filters[nfilters];
	const char *w;

	*f = (struct tm_filter){ .inclusive = number(), .all_frames = number() };
	w = word();
	f->has_lineno = *w != '-';
	f->lineno = f->has_lineno ? (uint32_t)strtoul(w, NULL, 10) : 0;
	w = word();
	f->has_domain = *w != '-';
	f->domain = f->has_domain ? (uint32_t)strtoul(w, NULL, 10) : 0;
	f->domain_only = *rest == '-';
	f->pattern = text(&patterns[nfilters++]);
}

static void do_nofilters(void)
{
	nfilters = 0;
}

/* apply FROM TO: filter_traces(). */
static void do_apply(void)
{
	size_t from = number(), to = number();

	tm_snapshot_destroy(snapshots[to]);
	snapshots[to] = tm_snapshot_filter(snapshots[from], filters, nfilters);
}

/* traces SLOT: every trace, on as many lines, in no order. */
static void do_traces(void)
{
	const struct tm_snapshot *s = snapshots[number()];

	for (size_t i = 0; i < s->nrows; i++) {
		const struct tm_site *site = &s->sites[s->rows[i].site];
		const struct tm_traceback *tb =
			&s->tracebacks[site->traceback];

		for (uint32_t k = 0; k < s->rows[i].count; k++) {
			printf("%" PRIu32 " %" PRIu64 " %" PRIi64, site->domain,
			       s->rows[i].size,
			       tb->total_nframe == TM_TOTAL_NFRAME_NONE ? -1 :
			       (int64_t)tb->total_nframe);
			for (uint32_t f = 0; f < tb->nframe; f++)
				put_frame(tm_traceback_frame(
					s, site->traceback, f));
			putchar('\n');
		}
	}
}

static void put_stats(struct tm_stats *stats, bool diff)
{
	for (size_t i = 0; i < stats->n; i++) {
		const struct tm_stat *stat = &stats->items[i];
		size_t len;
		char *str = tm_stat_str(stat, diff, &len);

		printf("%" PRIu64 " %" PRIu64 " %" PRIi64 " %" PRIi64 " ",
		       stat->size, stat->count, stat->size_diff,
		       stat->count_diff);
		put((struct tm_text){ str, len });
		for (uint32_t f = 0; f < tm_stat_nframe(stat); f++)
			put_frame(tm_stat_frame(stat, f));
		putchar('\n');
		free(str);
	}
	printf("total %" PRIu64 " %" PRIu64 "\n", stats->total_size,
	       stats->total_count);
	tm_stats_destroy(stats);
}

static struct tm_query query(void)
{
	struct tm_query q = { .filters = filters, .nfilters = nfilters };
	const char *key = word();

	q.key = *key == 'f' ? TM_KEY_FILENAME :
		*key == 'l' ? TM_KEY_LINENO : TM_KEY_TRACEBACK;
	q.cumulative = number();
	return q;
}

/* stats SLOT KEY CUMULATIVE */
static void do_stats(void)
{
	const struct tm_snapshot *s = snapshots[number()];
	struct tm_query q = query();
	struct tm_err err;
	struct tm_stats *stats = tm_snapshot_statistics(s, &q, &err);

	if (stats)
		put_stats(stats, false);
	else
		puts(err.kind == TM_ERR_USAGE ? "usage" : "error");
}

/* compare NEW OLD KEY CUMULATIVE */
static void do_compare(void)
{
	const struct tm_snapshot *newer = snapshots[number()];
	const struct tm_snapshot *older = snapshots[number()];
	struct tm_query q = query();
	struct tm_err err;
	struct tm_stats *stats = tm_snapshot_compare(newer, older, &q, &err);

	if (stats)
		put_stats(stats, true);
	else
		puts(err.kind == TM_ERR_USAGE ? "usage" : "error");
}

/* Even names have 30 lines, each fifth of them blank (see the oracle). */
static char *made_up_line(void *ctx, struct tm_text name, uint32_t lineno)
{
	(void)ctx;
	if (name.len % 2 || lineno > 30 || lineno % 5 == 0)
		return NULL;
	return tm_asprintf("x = %u", lineno);
}

/* format SLOT TRACE LIMIT|- RECENT: of the snapshot that came last. */
static void do_format(void)
{
	static const struct tm_source_lines source = { .line = made_up_line };
	const struct tm_snapshot *s = snapshots[number()];
	tm_id tb = traces[number()];
	const char *w = word();
	int32_t limit = strcmp(w, "-") ? (int32_t)strtol(w, NULL, 10) :
			TM_NO_LIMIT;
	size_t len;
	char *str = tm_traceback_format(s, tb, limit, number(), false, &source, &len);

	put((struct tm_text){ str, len });
	putchar('\n');
	free(str);
}

/* size C99-HEX-FLOAT SIGN */
static void do_size(void)
{
	double size = strtod(word(), NULL);
	char buf[32];

	puts(tm_format_size(buf, size, number()));
}

/* fnmatch PATTERN NAME */
static void do_fnmatch(void)
{
	static struct tm_buf a, b;
	struct tm_text pattern = text(&a), name = text(&b);

	puts(tm_fnmatch(pattern, name) ? "1" : "0");
}

static const struct command {
	const char *name;
	void (*run)(void);
} commands[] = {
	{ "new", do_new },	     { "trace", do_trace },
	{ "end", do_end },	     { "filter", do_filter },
	{ "nofilters", do_nofilters }, { "apply", do_apply },
	{ "traces", do_traces },     { "stats", do_stats },
	{ "compare", do_compare },   { "format", do_format },
	{ "size", do_size },	     { "fnmatch", do_fnmatch },
};

static void run(char *line)
{
	const char *name = strtok_r(line, " \n", &rest);
	size_t n = sizeof(commands) / sizeof(*commands), i = 0;

	while (i < n && strcmp(commands[i].name, name ? name : ""))
		i++;
	if (i == n) {
		fprintf(stderr, "model_driver: no command %s\n", name);
		exit(2);
	}
	commands[i].run();
}

int main(void)
{
	char *line = NULL;
	size_t cap = 0;

	while (getline(&line, &cap, stdin) > 0)
		run(line);
	free(line);
	free(traces);
	for (size_t i = 0; i < NSLOTS; i++)
		tm_snapshot_destroy(snapshots[i]);
	for (size_t i = 0; i < MAX_FILTERS; i++)
		tm_buf_free(&patterns[i]);
	return 0;
}
