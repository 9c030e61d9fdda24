/*
 * Opening a snapshot file: the format is recognised by the first bytes, else by
 * the suffix. Pipes cannot be rewound, so their first bytes are replayed.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "codec/codec.h"
#include "codec/formats.h"
#include "codec/tmh.h"
#include "codec/unpack.h"
#include "heap/ask.h"

enum { BUFFER = 1 << 16 };

struct replay {
	FILE *file;
	struct tm_progress progress;
	uint64_t done, total; /* bytes; total 0: not known */
	unsigned char head[512];
	size_t nhead;
	size_t used;
	bool close;
};

static ssize_t replay_read(void *cookie, char *buf, size_t size)
{
	struct replay *replay = cookie;
	size_t left = replay->nhead - replay->used;

	if (left) {
		size_t n = left < size ? left : size;

		memcpy(buf, replay->head + replay->used, n);
		replay->used += n;
		return (ssize_t)n;
	}
	left = fread(buf, 1, size, replay->file);
	replay->done += left;
	if (replay->total)
		tm_progress_report(&replay->progress, replay->done, replay->total);
	return !left && ferror(replay->file) ? -1 : (ssize_t)left;
}

static int replay_close(void *cookie)
{
	struct replay *replay = cookie;
	int result = replay->close ? fclose(replay->file) : 0;

	free(replay);
	return result;
}

/* Put the head back in front of a stream that cannot seek, or whose reading
 * is to be reported. */
static void replay_head(struct codec_input *input,
			const struct tm_progress *progress)
{
	struct replay *replay = tm_calloc(1, sizeof(*replay));
	cookie_io_functions_t io = { .read = replay_read, .close = replay_close };
	struct stat st;
	FILE *file;

	if (progress && fstat(fileno(input->file), &st) == 0 &&
	    S_ISREG(st.st_mode) && st.st_size > 0) {
		replay->progress = *progress;
		replay->total = (uint64_t)st.st_size;
		replay->done = input->nhead;
		tm_progress_report(progress, 0, replay->total);
	}
	replay->file = input->file;
	replay->close = input->close;
	replay->nhead = input->nhead;
	memcpy(replay->head, input->head, input->nhead);
	file = fopencookie(replay, "r", io);
	if (!file)
		tm_out_of_memory();
	setvbuf(file, NULL, _IOFBF, BUFFER);
	input->file = file;
	input->close = true;
}

/* Look at the first bytes, which are then to be read again. */
static bool take_head(struct codec_input *input, const char *path,
		      const struct tm_progress *progress, struct tm_err *err)
{
	input->nhead = fread(input->head, 1, sizeof(input->head), input->file);
	if (!input->nhead && ferror(input->file)) {
		if (!input->unpack || !unpack_failed(input->unpack, err))
			tm_err_os(err, errno, path, "cannot read");
		codec_input_close(input);
		return false;
	}
	if (progress || !input->close ||
	    fseek(input->file, 0, SEEK_SET) != 0)
		replay_head(input, progress);
	return true;
}

bool codec_input_open(struct codec_input *input, const char *path,
		      const struct tm_progress *progress, struct tm_err *err)
{
	*input = (struct codec_input){ .file = stdin };
	if (strcmp(path, "-") != 0) {
		input->file = fopen(path, "re");
		input->close = true;
	}
	if (!input->file)
		return tm_err_os(err, errno, path, "cannot open");
	if (!take_head(input, path, progress, err))
		return false;
	input->packed = unpack_suffix(input->head, input->nhead);
	if (!input->packed)
		return true;
	input->file = unpack_open(input->file, input->close, input->head,
				  input->nhead, &input->unpack);
	input->close = true;
	return take_head(input, path, NULL, err);
}

void codec_input_close(struct codec_input *input)
{
	if (input->close && input->file)
		fclose(input->file);
	input->file = NULL;
}

/* The format of the suffix, also before that of a packed file. */
static const struct tm_codec *by_suffix(const struct codec_input *input,
					const char *path)
{
	const struct tm_codec *codec = tm_codec_by_suffix(path);
	size_t len = strlen(path), n = input->packed ? strlen(input->packed) : 0;
	TM_GUARD(tm_free_ptr) char *inner = NULL;

	if (codec || !n || len <= n || strcmp(path + len - n, input->packed) != 0)
		return codec;
	inner = tm_asprintf("%.*s", (int)(len - n), path);
	return tm_codec_by_suffix(inner);
}

static const struct tm_codec *choose(const struct codec_input *input,
				     const char *path)
{
	const struct tm_codec *codec;

	for (size_t i = 0; i < tm_codec_count(); i++) {
		codec = tm_codec_at(i);
		if (codec->read && codec->sniff &&
		    codec->sniff(input->head, input->nhead))
			return codec;
	}
	codec = by_suffix(input, path);
	return codec && codec->read ? codec : NULL;
}

bool tm_heap_is(const void *head, size_t len)
{
	return len >= 4 && memcmp(head, TMH_MAGIC, 4) == 0;
}

bool codec_input_is_core(const struct codec_input *input, struct tm_err *err)
{
	if (!input->packed || input->nhead < SELFMAG ||
	    memcmp(input->head, ELFMAG, SELFMAG) != 0)
		return false;
	tm_err_set(err, TM_ERR_UNSUPPORTED, NULL, "a core file that is packed (%s)",
		   input->packed);
	tm_err_hint(err, "unpack it first: it is read here and there, not from its "
			 "beginning to its end");
	return true;
}

/* What is no snapshot, but has a command of its own. */
static bool is_other_kind(const struct codec_input *input, const char *path,
			  struct tm_err *err)
{
	if (codec_input_is_core(input, err)) {
		tm_err_about(err, "%s", path);
		return true;
	}
	if (!tm_heap_is(input->head, input->nhead))
		return false;
	tm_err_set(err, TM_ERR_UNSUPPORTED, path, "a heap, not a snapshot of traces");
	tm_err_hint(err, "`tmattach objects' and `tmattach refs' read it; `tmattach "
			 "objects OLD NEW' compares two");
	return true;
}

static bool unknown_format(const struct codec_input *input, const char *path,
			   struct tm_err *err)
{
	const struct tm_codec *codec = tm_codec_by_suffix(path);

	if (!input->nhead)
		return codec_corrupt(err, 0, "the file is empty");
	if (is_other_kind(input, path, err))
		return false;
	if (codec)
		tm_err_set(err, TM_ERR_UNSUPPORTED, path,
			   "%s files can be written, not read", codec->suffix);
	else
		tm_err_set(err, TM_ERR_UNSUPPORTED, path,
			   "not a known snapshot format (at byte 0)");
	return tm_err_hint(err, "tmattach reads its own .tms files, pickles of "
			   "tracemalloc's Snapshot.dump(), .json, .jsonl and "
			   ".csv; all of them also compressed by gzip, zlib, bzip2, "
			   "xz or zstd");
}

static bool read_part(const struct tm_codec *codec,
		      const struct codec_input *input, struct codec_part *part,
		      struct tm_builder *builder, struct tm_meta *meta,
		      struct tm_err *err)
{
	if (codec == &codec_pickle)
		return pickle_read_part(input->file, part, builder, meta, err);
	if (part->nth <= 1)
		return codec->read(input->file, builder, meta, err);
	return tm_err_set(err, TM_ERR_USAGE, NULL,
			  "a %s file holds one snapshot, there is no number %zu",
			  codec->suffix, part->nth);
}

static struct tm_snapshot *read_snapshot(const struct codec_input *input,
					 const char *path,
					 struct codec_part *part,
					 struct tm_err *err)
{
	const struct tm_codec *codec = choose(input, path);
	struct tm_meta meta = { 0 };
	struct tm_builder *builder;

	if (!codec) {
		unknown_format(input, path, err);
		return NULL;
	}
	builder = tm_builder_create();
	if (!read_part(codec, input, part, builder, &meta, err)) {
		if (input->unpack)
			unpack_failed(input->unpack, err);
		tm_builder_destroy(builder);
		return NULL;
	}
	return tm_builder_finish(builder, &meta, err);
}

/*
 * FILE#2: the second snapshot in FILE. A file that has such a name itself is
 * that file. Returns the name of the file, to be freed.
 */
static char *split_number(const char *path, size_t *ret_nth)
{
	const char *mark = strrchr(path, '#');
	size_t digits = mark ? strspn(mark + 1, "0123456789") : 0;

	*ret_nth = 0;
	if (!digits || digits > 9 || mark[1 + digits] || mark == path ||
	    access(path, F_OK) == 0)
		return tm_asprintf("%s", path);
	*ret_nth = strtoul(mark + 1, NULL, 10);
	return tm_asprintf("%.*s", (int)(mark - path), path);
}

static void tell_more(const struct tm_load_opts *opts)
{
	if (opts->note)
		opts->note(opts->note_ctx, "more snapshots follow in the file; this "
			   "is the first, which Snapshot.load() reads, too. Put "
			   "#2 after its name for the next");
}

struct tm_snapshot *tm_snapshot_load_with(const char *path,
					  const struct tm_load_opts *opts,
					  struct tm_err *err)
{
	struct codec_part part = { 0 };
	TM_GUARD(tm_free_ptr) char *file = split_number(path, &part.nth);
	struct tm_snapshot *snapshot;
	struct codec_input input;

	if (!codec_input_open(&input, file, opts->progress, err))
		return NULL;
	snapshot = read_snapshot(&input, file, &part, err);
	codec_input_close(&input);
	if (!snapshot)
		tm_err_about(err, "%s", strcmp(file, "-") ? file : "stdin");
	else if (part.more)
		tell_more(opts);
	return snapshot;
}

struct tm_snapshot *tm_snapshot_load(const char *path, struct tm_err *err)
{
	const struct tm_load_opts opts = { 0 };

	return tm_snapshot_load_with(path, &opts, err);
}
