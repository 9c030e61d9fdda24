/*
 * Snapshot files, in the formats that `tmattach --help` lists. Readers treat
 * every byte as hostile: a bad file is one TM_ERR_CORRUPT (or
 * TM_ERR_UNSUPPORTED) whose cause names the offset.
 *
 * Threads: these functions keep no state; different files may be read and
 * written on different threads at once.
 */
#ifndef TMATTACH_FILE_H
#define TMATTACH_FILE_H

#include <stdint.h>
#include <stdio.h>

#include "tmattach/model.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default) /* exported by the library */

/* ---- progress ------------------------------------------------------------- */

/*
 * Progress of a long operation. `report` is called often, between pieces of the
 * work; `total` is an estimate, `done` may exceed it. NULL: no reports.
 */
struct tm_progress {
	void (*report)(void *ctx, uint64_t done, uint64_t total);
	void *ctx;
};

static inline void tm_progress_report(const struct tm_progress *progress,
				      uint64_t done, uint64_t total)
{
	if (progress->report)
		progress->report(progress->ctx, done, total);
}

/* ---- formats -------------------------------------------------------------- */

/* Zeroed, these are the defaults. */
struct tm_codec_opts {
	/* pickle: the shape that Python 3.N expects, N from 7; 0: the shape of
	 * the Python that the traces come from. */
	unsigned pickle_for;
	/* html: colour by the difference from this snapshot; may be NULL. */
	const struct tm_snapshot *baseline;
	struct tm_progress progress; /* in no particular unit */
};

/* A format. These are constants of the library. */
struct tm_codec {
	const char *name;     /* "tms": the word that --format takes */
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
	bool functions;       /* shows or keeps the names of Python functions */
	bool stacks;          /* shows stacks as they grow out of their oldest frames */
	bool ages;            /* keeps how old blocks are */
};

size_t tm_codec_count(void);
const struct tm_codec *tm_codec_at(size_t i);
/* NULL if there is none of that name. */
const struct tm_codec *tm_codec_by_name(const char *name);
/* By the longest matching suffix of a path; NULL if none matches. */
const struct tm_codec *tm_codec_by_suffix(const char *path);

/* ---- files ---------------------------------------------------------------- */

/*
 * Load a snapshot file: format by content, else by suffix. `path` "-" is
 * stdin; "FILE#2" is the second of several snapshots in a pickle. What gzip,
 * bzip2, xz or zstd has packed is unpacked. Errors name the file. The result
 * belongs to the caller.
 */
struct tm_snapshot *tm_snapshot_load(const char *path,
				     struct tm_err *err) TM_MUST_CHECK;

struct tm_load_opts {
	/* How far the reading is, in bytes of the file (not of a pipe: its end
	 * is not known); may be NULL. */
	const struct tm_progress *progress;
	/* What the user should know of a file that was read; may be NULL. */
	void (*note)(void *ctx, const char *text);
	void *note_ctx;
};

struct tm_snapshot *tm_snapshot_load_with(const char *path,
					  const struct tm_load_opts *opts,
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

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
#endif
