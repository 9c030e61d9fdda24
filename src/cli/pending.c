/* Until the codec room offers these reports; goes away with that. */
#include "tmattach/codec.h"

__attribute__((weak)) bool tm_write_stats_json(const struct tm_stats *stats,
	size_t limit,
	const struct tm_meta *source,
	const char *source_file,
	FILE *out,
	struct tm_err *err)
{
	(void)stats;
	(void)limit;
	(void)source;
	(void)source_file;
	(void)out;
	return tm_err_set(err, TM_ERR_UNSUPPORTED, "--format",
			  "this report is not available yet");
}

__attribute__((weak)) bool tm_write_stats_csv(const struct tm_stats *stats,
	size_t limit,
	FILE *out,
	struct tm_err *err)
{
	(void)stats;
	(void)limit;
	(void)out;
	return tm_err_set(err, TM_ERR_UNSUPPORTED, "--format",
			  "this report is not available yet");
}

__attribute__((weak)) bool tm_write_diff_json(const struct tm_stats *stats,
	size_t limit,
	const struct tm_meta *older,
	const char *older_file,
	const struct tm_meta *newer,
	const char *newer_file,
	FILE *out,
	struct tm_err *err)
{
	(void)stats;
	(void)limit;
	(void)older;
	(void)older_file;
	(void)newer;
	(void)newer_file;
	(void)out;
	return tm_err_set(err, TM_ERR_UNSUPPORTED, "--format",
			  "this report is not available yet");
}

__attribute__((weak)) bool tm_write_diff_csv(const struct tm_stats *stats,
	size_t limit,
	FILE *out,
	struct tm_err *err)
{
	(void)stats;
	(void)limit;
	(void)out;
	return tm_err_set(err, TM_ERR_UNSUPPORTED, "--format",
			  "this report is not available yet");
}

__attribute__((weak)) bool tm_write_info_json(const struct tm_snapshot *snapshot,
	bool tracing,
	const char *source_file,
	FILE *out,
	struct tm_err *err)
{
	(void)snapshot;
	(void)tracing;
	(void)source_file;
	(void)out;
	return tm_err_set(err, TM_ERR_UNSUPPORTED, "--format",
			  "this report is not available yet");
}

__attribute__((weak)) bool tm_write_info_csv(const struct tm_snapshot *snapshot,
	bool tracing,
	const char *source_file,
	FILE *out,
	struct tm_err *err)
{
	(void)snapshot;
	(void)tracing;
	(void)source_file;
	(void)out;
	return tm_err_set(err, TM_ERR_UNSUPPORTED, "--format",
			  "this report is not available yet");
}

