/*
 * Codecs: a snapshot as bytes. One codec per format; the list is
 * src/codec/codecs.def. Readers treat every byte as hostile: a bad file is
 * one TM_ERR_CORRUPT (or TM_ERR_UNSUPPORTED) whose cause names the offset.
 */
#ifndef TMATTACH_CODEC_H
#define TMATTACH_CODEC_H

#include <stdio.h>

#include "tmattach/model.h"
#include "tmattach/progress.h"
#include "tmattach/threads.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default) /* exported by the library */

struct tm_status; /* session.h */

struct tm_codec_opts {
	/* pickle: write 3-tuples, as Python <= 3.8 wants them. */
	bool pickle_without_total_nframe;
	/* html: colour by the difference to this snapshot, may be NULL. */
	const struct tm_snapshot *baseline;
	struct tm_progress progress; /* in no particular unit */
};

struct tm_codec {
	const char *name;     /* "tms": the word --format takes */
	const char *suffix;   /* ".tms" */
	const char *summary;  /* one line for --help */
	/* Write the whole snapshot; false with *err (object not set). NULL:
	 * cannot be written. */
	bool (*write)(const struct tm_snapshot *snapshot, FILE *out,
		      const struct tm_codec_opts *opts, struct tm_err *err);
	/* Read a whole file into the builder and fill *meta; false with *err
	 * (object not set). NULL: cannot be read. */
	bool (*read)(FILE *in, struct tm_builder *builder,
		     struct tm_meta *meta, struct tm_err *err);
	/* Do these first bytes look like this format? NULL: never by content. */
	bool (*sniff)(const unsigned char *head, size_t len);
};

size_t tm_codec_count(void);
const struct tm_codec *tm_codec_at(size_t i);
const struct tm_codec *tm_codec_by_name(const char *name);
/* By the longest matching suffix of a path; NULL if none matches. */
const struct tm_codec *tm_codec_by_suffix(const char *path);

/*
 * Load a snapshot file: format by content, else by suffix. `path` "-" is
 * stdin. Errors name the file.
 */
struct tm_snapshot *tm_snapshot_load(const char *path,
				     struct tm_err *err) TM_MUST_CHECK;
/* The same, telling how far it is, in bytes (not of a pipe: its end is not
 * known). */
struct tm_snapshot *tm_snapshot_load_telling(const char *path,
					     const struct tm_progress *progress,
					     struct tm_err *err) TM_MUST_CHECK;

/*
 * Write a snapshot file: to a temporary beside `path`, synced, then renamed;
 * "-" is stdout. An existing file's permissions are kept; a new one gets 0600
 * because file names are sensitive. On failure nothing is left behind and an
 * old file stays.
 */
bool tm_snapshot_save(const struct tm_snapshot *snapshot, const char *path,
		      const struct tm_codec *codec,
		      const struct tm_codec_opts *opts,
		      struct tm_err *err) TM_MUST_CHECK;

/*
 * Reports that scripts read, as the man page shows them under JSON; keys in the
 * documented order. Each writes to `out` and fails with the stream's error.
 */
bool tm_write_stats_json(const struct tm_stats *stats, size_t limit,
			 const struct tm_meta *source, const char *source_file,
			 FILE *out, struct tm_err *err);
bool tm_write_stats_csv(const struct tm_stats *stats, size_t limit, FILE *out,
			struct tm_err *err);
/*
 * Statistics of several sources together: the documented object, in which
 * "source" is what all have in common, followed by "sources": [S...] before
 * "statistics", each of which ends with "shares": [{"size","count"}...] in the
 * order of the sources. The CSV has a column more per source.
 */
struct tm_parts {
	const struct tm_snapshot *const *snapshots;
	const char *const *files;      /* NULL where the source is a process */
	size_t n;
	const struct tm_share *shares; /* tm_stats_shares() */
};
bool tm_write_merged_json(const struct tm_stats *stats, size_t limit,
			  const struct tm_meta *source,
			  const struct tm_parts *parts, FILE *out,
			  struct tm_err *err);
bool tm_write_merged_csv(const struct tm_stats *stats, size_t limit,
			 const struct tm_parts *parts, FILE *out,
			 struct tm_err *err);

bool tm_write_diff_json(const struct tm_stats *stats, size_t limit,
			const struct tm_meta *older, const char *older_file,
			const struct tm_meta *newer, const char *newer_file,
			FILE *out, struct tm_err *err);
bool tm_write_diff_csv(const struct tm_stats *stats, size_t limit, FILE *out,
		       struct tm_err *err);
/*
 * `ps`: {"format":"tmattach-ps","version":1,"processes":[{"pid","permitted",
 * "runtime","tracing","traceback_limit","traced_memory":{"current","peak"},
 * "rss","command"}...]}; null where it is unknown.
 */
struct tm_process_row {
	int32_t pid;
	bool permitted;                 /* false: the status is unknown */
	const struct tm_status *status;
	const char *command;
};
bool tm_write_ps_json(const struct tm_process_row *rows, size_t n, FILE *out,
		      struct tm_err *err);
bool tm_write_ps_csv(const struct tm_process_row *rows, size_t n, FILE *out,
		     struct tm_err *err);

/*
 * `info -f json`; the per-domain figures come from the snapshot's sites. With
 * `memory` (may be NULL) the object ends with "memory": {"rss","file_maps",
 * "arenas","arenas_used","arenas_free","other_heap","traced","tracer",
 * "untracked"}; what is unknown is left out.
 */
struct tm_memory; /* session.h */
bool tm_write_info_memory_json(const struct tm_snapshot *snapshot, bool tracing,
			       const char *source_file,
			       const struct tm_memory *memory, FILE *out,
			       struct tm_err *err);
bool tm_write_info_memory_csv(const struct tm_snapshot *snapshot, bool tracing,
			      const char *source_file,
			      const struct tm_memory *memory, FILE *out,
			      struct tm_err *err);
/* The figures of that object, in its order. Returns how many of `ret` were
 * filled in. */
struct tm_figure {
	const char *name;
	uint64_t bytes;
};
enum { TM_MEMORY_FIGURES = 9 };
size_t tm_memory_figures(const struct tm_memory *memory,
			 const struct tm_snapshot *snapshot, bool tracing,
			 struct tm_figure ret[TM_MEMORY_FIGURES]);

/* The same without it. */
bool tm_write_info_json(const struct tm_snapshot *snapshot, bool tracing,
			const char *source_file, FILE *out, struct tm_err *err);
bool tm_write_info_csv(const struct tm_snapshot *snapshot, bool tracing,
		       const char *source_file, FILE *out, struct tm_err *err);
/* `where -f json`: the first trace of the snapshot, null without any. */
bool tm_write_where_json(const struct tm_snapshot *snapshot, uint64_t address,
			 FILE *out, struct tm_err *err);

/* What every thread is doing; frames oldest first, as everywhere. */
bool tm_write_threads_json(const struct tm_threads *threads, FILE *out,
			   struct tm_err *err);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
#endif
