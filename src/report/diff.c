/* `diff`. */
#include "report/items.h"

static json_t *json_head(const struct tm_stats *stats,
			 struct report_source older, struct report_source newer)
{
	json_t *head = json_report("tmattach-diff");

	json_object_set_new(head, "old", json_source(older.meta, older.file));
	json_object_set_new(head, "new", json_source(newer.meta, newer.file));
	items_set_query(head, &stats->query);
	json_object_set_new(head, "differences", json_array());
	return head;
}

bool report_diff(const struct report *how, const struct tm_stats *stats,
		 struct report_source older, struct report_source newer,
		 struct tm_err *err)
{
	switch (how->form) {
	case REPORT_TEXT:
	case REPORT_PRETTY:
		items_print(how, stats, NULL);
		break;
	case REPORT_JSON:
		return items_write_json(how, json_head(stats, older, newer),
					stats, NULL, err);
	case REPORT_CSV:
		return items_write_csv(how, "size,size_diff,count,count_diff,"
				       "filename,lineno,traceback",
				       stats, NULL, err);
	}
	return true;
}
