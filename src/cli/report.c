#include "cli/report.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli/output.h"

size_t cli_shown(size_t n, size_t limit)
{
	return limit && limit < n ? limit : n;
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
		if (stat->key != TM_KEY_TRACEBACK)
			continue;
		text = tm_traceback_format(stat->snapshot, stat->group,
					   TM_NO_LIMIT, false, lines, &len);
		cli_print_block(text, len);
	}
}
