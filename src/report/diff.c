/* `diff`. */
#include "base/guard.h"
#include "report/items.h"

#define COLUMNS "size,size_diff,count,count_diff,filename,lineno,traceback"

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
		 struct report_newest newest, struct report_source older,
		 struct report_source newer, struct tm_err *err)
{
	TM_GUARD(tm_free_ptr) struct tm_ages *ages =
		items_ages(how, stats, newest.snapshot, newest.query);
	const struct items_more more = { .ages = ages };

	switch (how->form) {
	case REPORT_TEXT:
	case REPORT_PRETTY:
		items_print(how, stats, ages);
		break;
	case REPORT_JSON:
		return items_write_json(how, json_head(stats, older, newer),
					stats, &more, err);
	case REPORT_CSV:
		return items_write_csv(how, ages ? COLUMNS ITEMS_AGE_COLUMNS : COLUMNS, stats,
				       &more, err);
	}
	return true;
}
