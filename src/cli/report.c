#include "cli/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/guard.h"
#include "cli/output.h"

size_t cli_shown(size_t n, size_t limit)
{
	return limit && limit < n ? limit : n;
}

/* The end of a frame's first line: names may contain line breaks as well. */
static const char *end_of_head(const char *p, const char *end,
			       struct tm_text name)
{
	size_t breaks = 0;

	for (size_t i = 0; i < name.len; i++)
		breaks += name.bytes[i] == '\n';
	for (; p < end; p++)
		if (*p == '\n' && breaks-- == 0)
			break;
	return p;
}

void cli_print_traceback(const struct tm_snapshot *snapshot, tm_id traceback,
			 const struct tm_source_lines *lines)
{
	TM_GUARD(tm_free_ptr) char *text = NULL;
	size_t len;
	const char *p, *end, *stop;

	text = tm_traceback_format(snapshot, traceback, TM_NO_LIMIT, false,
				   lines, &len);
	p = text;
	end = text + len;
	for (uint32_t i = 0; p < end; i++) {
		struct tm_frame_view frame =
			tm_traceback_frame(snapshot, traceback, i);

		stop = end_of_head(p, end, frame.filename);
		cli_print_line("", p, (size_t)(stop - p));
		p = stop < end ? stop + 1 : end;
		/* A source line is indented deeper than any head. */
		if (end - p < 4 || memcmp(p, "    ", 4) != 0)
			continue;
		stop = end_of_head(p, end, (struct tm_text){ "", 0 });
		cli_print_line("", p, (size_t)(stop - p));
		p = stop < end ? stop + 1 : end;
	}
}

void cli_text_stats(const struct tm_stats *stats, size_t limit,
		    const struct tm_source_lines *lines)
{
	size_t shown = cli_shown(stats->n, limit);

	printf("[ Top %zu%s ]\n", limit ? limit : stats->n,
	       stats->is_diff ? " differences" : "");
	for (size_t i = 0; i < shown; i++) {
		const struct tm_stat *stat = &stats->items[i];
		size_t len;
		char *text = tm_stat_str(stat, stats->is_diff, &len);

		cli_print_line("", text, len);
		free(text);
		if (stat->key == TM_KEY_TRACEBACK)
			cli_print_traceback(stat->snapshot, stat->group, lines);
	}
}
