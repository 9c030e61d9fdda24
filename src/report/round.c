/* `top -b`. */
#include <inttypes.h>
#include <time.h>

#include "base/guard.h"
#include "report/items.h"
#include "report/line.h"

static void print_name(const struct report *how, const struct tm_meta *meta,
		       const char *name)
{
	TM_GUARD(tm_buf_free) struct tm_buf line = { 0 };
	time_t taken = (time_t)(meta->taken_at / 1000);
	char clock[24] = "";
	struct tm utc;

	if (taken && gmtime_r(&taken, &utc))
		strftime(clock, sizeof(clock), "%H:%M:%S UTC", &utc);
	tm_buf_addf(&line, "tmattach - %s%s%s  %s", clock, clock[0] ? "  " : "",
		    name, meta->command);
	line_print_buf(how->out, "", &line);
}

static void print_figures(const struct report *how,
			  const struct tm_snapshot *snapshot)
{
	const struct tm_meta *meta = &snapshot->meta;
	TM_GUARD(tm_buf_free) struct tm_buf line = { 0 };
	char current[32], peak[32];

	tm_buf_addf(&line, "%s%straced: %s, peak: %s, traces: %" PRIu64 ", "
		    "limit: %" PRIu32 ", pause: %.3f ms",
		    meta->runtime, meta->runtime[0] ? ", " : "",
		    tm_format_size(current, (double)meta->traced_current, false),
		    tm_format_size(peak, (double)meta->traced_peak, false),
		    snapshot->total_count, meta->traceback_limit,
		    (double)meta->pause_ns / 1e6);
	line_print_buf(how->out, "", &line);
}

void report_round(const struct report *how, const struct tm_stats *stats,
		  const struct tm_query *query, const struct tm_snapshot *snapshot,
		  const char *name)
{
	TM_GUARD(tm_free_ptr) struct tm_ages *ages = items_ages(how, stats, NULL, query);

	print_name(how, &snapshot->meta, name);
	print_figures(how, snapshot);
	items_print(how, stats, ages);
}

void report_round_without(const struct report *how, const struct tm_meta *meta,
			  const char *name, const char *why)
{
	TM_GUARD(tm_buf_free) struct tm_buf line = { 0 };

	print_name(how, meta, name);
	tm_buf_adds(&line, why);
	line_print_buf(how->out, "", &line);
}
