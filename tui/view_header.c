#include "figures.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "text.h"
#include "tmattach/format.h"

/* The figures of all sources in scope together. */
struct totals {
	size_t n, ngone;
	const struct source *only; /* the source, if it is a single one */
	uint64_t current, peak, rss, ntraces, pause_ns, took_ms, dropped;
	uint32_t limit;
	bool has_figures, partial, sampled, has_rss;
	uint64_t sample_bytes;
	const struct source *sampling; /* one that is read right now, for long */
};

static void add_source(struct totals *totals, const struct source *source)
{
	const struct tm_meta *meta = source->latest ?
				     &source->latest->snapshot->meta : NULL;

	if (source->sampling)
		totals->sampling = source;
	if (source->has_status) {
		totals->current += source->status.traced_current;
		totals->peak += source->status.traced_peak;
		totals->rss += source->status.rss;
		totals->has_rss = true;
	} else if (meta) {
		/* A pickle knows neither: the sum of its traces is as good. */
		totals->current += meta->traced_current ? meta->traced_current :
				   source->latest->snapshot->total_size;
		totals->peak += meta->traced_peak;
	}
	totals->has_figures |= source->has_status || meta;
	if (source->has_status && source->status.traceback_limit > totals->limit)
		totals->limit = source->status.traceback_limit;
	if (!meta)
		return;
	totals->sampled = true;
	totals->ntraces += source->latest->snapshot->total_count;
	totals->partial |= meta->partial;
	totals->dropped += meta->dropped;
	if (meta->sample_bytes > totals->sample_bytes)
		totals->sample_bytes = meta->sample_bytes;
	if (meta->traceback_limit > totals->limit)
		totals->limit = meta->traceback_limit;
	if (meta->pause_ns > totals->pause_ns)
		totals->pause_ns = meta->pause_ns;
	if (source->took_ms > totals->took_ms)
		totals->took_ms = source->took_ms;
}

static struct totals add_up(const struct state *state)
{
	struct totals totals = { 0 };

	for (size_t i = 0; i < state->nsources; i++) {
		const struct source *source = &state->sources[i];

		if (!state_in_scope(state, i))
			continue;
		totals.only = totals.n++ == 0 ? source : NULL;
		totals.ngone += source->gone;
		add_source(&totals, source);
	}
	return totals;
}

/* ---- line 1: who -------------------------------------------------------------- */

static const char *runtime_of(const struct source *source)
{
	if (source->has_status && source->status.runtime[0])
		return source->status.runtime;
	return source->latest ? source->latest->snapshot->meta.runtime : "";
}

static int draw_processes(const struct state *state, int col,
			  struct screen *screen)
{
	size_t n = state->nsources;
	char text[32];

	for (size_t i = 0; i < state->nsources; i++)
		n -= state->sources[i].child && state->sources[i].gone;
	snprintf(text, sizeof(text), " all(%zu) ", n);
	col += screen_puts(screen, 0, col, screen->cols - col,
			   state->scope == SCOPE_ALL ? ROLE_SELECTED : ROLE_NORMAL,
			   text);
	for (size_t i = 0; i < state->nsources; i++) {
		const struct source *source = &state->sources[i];
		enum role role = state->scope == i ? ROLE_SELECTED :
				 source->gone ? ROLE_DIM : ROLE_NORMAL;

		if (source->pid)
			snprintf(text, sizeof(text), " %d%s ", (int)source->pid,
				 source->gone ? "+" : "");
		else
			snprintf(text, sizeof(text), " %.24s ", source->name);
		col += screen_puts(screen, 0, col, screen->cols - col, role, text);
	}
	return col;
}

static void draw_who(const struct state *state, const struct totals *totals,
		     struct screen *screen)
{
	const struct source *source = totals->only;
	const char *runtime = source ? runtime_of(source) : "";
	int right = (int)text_width(text_of(runtime), screen->utf8);
	int end = screen->cols - (right ? right + 1 : 0);
	int col = screen_puts(screen, 0, 0, screen->cols, ROLE_LABEL, "tmattach");

	if (state->nsources > 1)
		col = draw_processes(state, col + 1, screen);
	if (!source)
		return;
	if (state->nsources == 1 && source->pid) {
		col++;
		col += screen_printf(screen, 0, col, ROLE_VALUE, "%d",
				     (int)source->pid);
	}
	col++;
	if (end - col < 8)
		end = screen->cols; /* the command matters more */
	else
		screen_puts(screen, 0, end + 1, right, ROLE_NORMAL, runtime);
	screen_puts(screen, 0, col, end - col, ROLE_VALUE, source->name);
}

/* ---- line 2: how much --------------------------------------------------------- */

static int draw_figure(struct screen *screen, int row, int col,
		       const char *label, const char *value, enum role role)
{
	int need = (int)(strlen(label) + strlen(value)) + 1;

	/* A figure is shown whole or not at all. */
	if (col + need > screen->cols)
		return col;
	col += screen_puts(screen, row, col, screen->cols - col, ROLE_LABEL, label);
	col += 1 + screen_puts(screen, row, col + 1, screen->cols - col - 1, role,
			       value);
	return col + 2;
}

static const char *tracing_word(const struct totals *totals)
{
	static const char *const words[] = {
		[TM_TRACING_OFF] = "off",
		[TM_TRACING_ON] = NULL,
		[TM_TRACING_FINALIZED] = "finalizing",
	};

	return totals->only && totals->only->has_status ?
	       words[totals->only->status.tracing] : NULL;
}

static void draw_memory(const struct totals *totals, struct screen *screen)
{
	const char *word = tracing_word(totals);
	char buf[32];
	int col = 0;

	if (word)
		col = draw_figure(screen, 1, col, "Tracing", word, ROLE_WARNING);
	if (totals->has_figures && !word)
		col = draw_figure(screen, 1, col, "Traced", tm_format_size(
				  buf, (double)totals->current, false), ROLE_VALUE);
	if (totals->peak && !word)
		col = draw_figure(screen, 1, col, "Peak", tm_format_size(
				  buf, (double)totals->peak, false), ROLE_PEAK);
	if (totals->limit && !word) {
		snprintf(buf, sizeof(buf), "%" PRIu32 " frame%s", totals->limit,
			 totals->limit == 1 ? "" : "s");
		col = draw_figure(screen, 1, col, "Limit", buf, ROLE_VALUE);
	}
	if (totals->has_rss && !totals->ngone)
		col = draw_figure(screen, 1, col, "RSS", tm_format_size(
				  buf, (double)totals->rss, false), ROLE_VALUE);
	if (totals->sampled)
		draw_figure(screen, 1, col, "Traces",
			    text_count(buf, totals->ntraces), ROLE_VALUE);
}

/* ---- line 3: how it is read, and what is shown --------------------------------- */

static const char *format_ms(char buf[static 32], double ms)
{
	if (ms >= 10000)
		snprintf(buf, 32, "%.0f s", ms / 1000);
	else if (ms >= 1000)
		snprintf(buf, 32, "%.1f s", ms / 1000);
	else if (ms >= 10)
		snprintf(buf, 32, "%.0f ms", ms);
	else
		snprintf(buf, 32, "%.1f ms", ms);
	return buf;
}

/* The estimate may be passed: then it is all but done. */
static void format_progress(const struct source *source, char buf[static 32])
{
	uint64_t done = source->sampled, total = source->to_sample;

	snprintf(buf, 32, "%u %%",
		 done < total ? (unsigned)((double)done / (double)total * 100) : 99);
}

static int draw_rate(const struct state *state, const struct totals *totals,
		     struct screen *screen)
{
	bool slowed = state->effective_ms > state->interval_ms;
	char buf[32];
	int col = 0;

	if (state_is_offline(state))
		return 0;
	if (totals->sampling)
		format_progress(totals->sampling, buf);
	else if (state->paused)
		snprintf(buf, sizeof(buf), "paused");
	else
		format_ms(buf, (double)(slowed ? state->effective_ms :
					state->interval_ms));
	col = draw_figure(screen, 2, col, totals->sampling ? "Sampling" : "Refresh",
			  buf, state->paused || slowed || totals->sampling ?
			  ROLE_WARNING : ROLE_VALUE);
	if (totals->sampled) {
		col = draw_figure(screen, 2, col, "Pause", format_ms(
				  buf, (double)totals->pause_ns / 1e6), ROLE_VALUE);
		col = draw_figure(screen, 2, col, "Read", format_ms(
				  buf, (double)totals->took_ms), ROLE_VALUE);
	}
	return col;
}

static void draw_shown(const struct state *state, int col,
		       struct screen *screen)
{
	static const char *const keys[] = {
		[TM_KEY_FILENAME] = "file", [TM_KEY_LINENO] = "line",
		[TM_KEY_TRACEBACK] = "traceback",
		[TM_KEY_FUNCTION] = "function", [TM_KEY_THREAD] = "thread",
	};
	char buf[48];

	snprintf(buf, sizeof(buf), "%s%s%s", keys[state->key],
		 state->cumulative ? ", cumulative" : "",
		 state->diff ? ", diff" : "");
	col = draw_figure(screen, 2, col, "By", buf, ROLE_VALUE);
	if (state->filters.n) {
		snprintf(buf, sizeof(buf), "%zu", state->filters.n);
		col = draw_figure(screen, 2, col, "Filters", buf, ROLE_WARNING);
	}
	if (state->domain >= 0) {
		snprintf(buf, sizeof(buf), "%" PRId64, state->domain);
		col = draw_figure(screen, 2, col, "Domain", buf, ROLE_WARNING);
	}
	if (state->table)
		draw_figure(screen, 2, col, "Groups",
			    text_count(buf, state->table->nrows), ROLE_VALUE);
}

/* ---- the note --------------------------------------------------------------------- */

/* "pid 4711, 2026-01-31 12:00:00 UTC: python3 app.py", as far as known. */
static void describe_file(const struct tm_meta *meta, char *buf, size_t size)
{
	time_t seconds = (time_t)(meta->taken_at / 1000);
	char pid[32] = "", when[48] = "";
	struct tm tm;

	if (meta->pid)
		snprintf(pid, sizeof(pid), "pid %d", (int)meta->pid);
	if (meta->taken_at && gmtime_r(&seconds, &tm))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S UTC", &tm);
	snprintf(buf, size, "%s%s%s%s%s", pid, pid[0] && when[0] ? ", " : "", when,
		 meta->command[0] ? ": " : "", meta->command);
}

/* What the program is like that has taken the old one's place. */
static enum role note_of_replaced(const struct source *source, char *buf,
				  size_t size)
{
	const char *now = "attaching ...";

	if (source->failure.kind != TM_ERR_NONE)
		now = source->failure.cause;
	else if (source->has_status)
		now = source->status.tracing == TM_TRACING_ON ? "reading its traces ..." :
		      "not tracing, t starts it";
	snprintf(buf, size, "pid %d runs another program (exec%s): %s",
		 (int)source->pid, source->latest ? ", last table" : "", now);
	return ROLE_WARNING;
}

static enum role note_of_source(const struct source *source, char *buf,
				size_t size)
{
	if (source->replaced && !source->gone)
		return note_of_replaced(source, buf, size);
	if (source->failure.kind != TM_ERR_NONE) {
		snprintf(buf, size, "%s: %s%s", source->failure.object,
			 source->failure.cause, source->gone && source->latest ?
			 " (last table)" : "");
		return source->gone ? ROLE_ERROR : ROLE_WARNING;
	}
	if (source->has_status && source->latest &&
	    source->status.tracing == TM_TRACING_OFF) {
		snprintf(buf, size, "tracing was stopped (last table); t starts it");
		return ROLE_WARNING;
	}
	if (source->is_file && source->latest)
		describe_file(&source->latest->snapshot->meta, buf, size);
	else
		snprintf(buf, size, "%s", source->note);
	return ROLE_DIM;
}

static void note_of_totals(const struct state *state,
			   const struct totals *totals, char *buf, size_t size)
{
	char wanted[32];

	if (totals->partial)
		snprintf(buf, size, "partial: not every trace could be read");
	else if (totals->dropped)
		snprintf(buf, size, "%" PRIu64 " traces were dropped: the "
			 "recorder had no room", totals->dropped);
	else if (totals->sample_bytes)
		snprintf(buf, size, "estimates: one sample every %" PRIu64
			 " bytes", totals->sample_bytes);
	else if (state->effective_ms > state->interval_ms)
		snprintf(buf, size, "slowed down from %s, so that the target "
			 "pauses at most 1 %% of the time",
			 format_ms(wanted, (double)state->interval_ms));
}

static void draw_note(const struct state *state, const struct totals *totals,
		      int row, struct screen *screen)
{
	char buf[1024] = "";
	enum role role = ROLE_WARNING;

	for (size_t i = 0; i < state->nsources && !buf[0]; i++)
		if (state_in_scope(state, i))
			role = note_of_source(&state->sources[i], buf, sizeof(buf));
	if (!buf[0]) {
		role = ROLE_WARNING;
		note_of_totals(state, totals, buf, sizeof(buf));
	}
	screen_puts(screen, row, 0, screen->cols, role, buf);
}

void view_header(const struct state *state, const struct layout *layout,
		 struct screen *screen)
{
	struct totals totals = add_up(state);

	if (layout->header > 0)
		draw_who(state, &totals, screen);
	if (layout->header > 1)
		draw_memory(&totals, screen);
	if (layout->header > 2)
		draw_shown(state, draw_rate(state, &totals, screen), screen);
	if (layout->note >= 0)
		draw_note(state, &totals, layout->note, screen);
}
