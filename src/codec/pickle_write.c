/*
 * A pickle that tracemalloc.Snapshot.load() of every Python since 3.7 loads:
 * protocol 4, without the optional frames, in the shape that Snapshot.dump()
 * gives it. Names, frames and frame tuples are written once and then named
 * by their place in the memo.
 *
 * 3.9 and later want traces of four items, 3.7 and 3.8 of three; loading
 * works with either, but statistics() does not.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "codec/canon.h"
#include "codec/codec.h"
#include "codec/formats.h"
#include "codec/pickle.h"

#define NO_MEMO UINT32_MAX

enum { FIRST_NO_PROTOCOL = 32 }; /* of a pickle; versions above 5 are reported */
enum { FIRST_WITH_TOTAL = 9 }; /* of Python 3: bpo-37961 */

struct pickle_out {
	FILE *file;
	const struct tm_snapshot *snapshot;
	bool four;         /* total_nframe is the fourth item */
	uint32_t nmemo;
	uint32_t *strings; /* memo places by id, or NO_MEMO */
	uint32_t *frames;
	uint32_t *tuples;  /* by traceback */
};

static void put_byte(struct pickle_out *out, int byte)
{
	putc_unlocked(byte, out->file);
}

static void put_le(struct pickle_out *out, uint64_t v, int len)
{
	for (int i = 0; i < len; i++)
		put_byte(out, (int)(v >> 8 * i & 0xff));
}

static void put_int(struct pickle_out *out, uint64_t v)
{
	int len = 1;

	if (v <= UINT8_MAX) {
		put_byte(out, OP_BININT1);
		put_byte(out, (int)v);
	} else if (v <= UINT16_MAX) {
		put_byte(out, OP_BININT2);
		put_le(out, v, 2);
	} else if (v <= INT32_MAX) {
		put_byte(out, OP_BININT);
		put_le(out, v, 4);
	} else {
		/* Two's complement: room for a sign bit of zero. */
		while (len < 8 && v >> (8 * len - 1))
			len++;
		put_byte(out, OP_LONG1);
		if (v >> 63) {
			put_byte(out, 9);
			put_le(out, v, 8);
			put_byte(out, 0);
			return;
		}
		put_byte(out, len);
		put_le(out, v, len);
	}
}

static void put_text(struct pickle_out *out, struct tm_text text)
{
	if (text.len <= UINT8_MAX) {
		put_byte(out, OP_SHORT_BINUNICODE);
		put_byte(out, (int)text.len);
	} else if (text.len <= UINT32_MAX) {
		put_byte(out, OP_BINUNICODE);
		put_le(out, text.len, 4);
	} else {
		put_byte(out, OP_BINUNICODE8);
		put_le(out, text.len, 8);
	}
	fwrite_unlocked(text.bytes, 1, text.len, out->file);
}

static void put_word(struct pickle_out *out, const char *word)
{
	put_text(out, (struct tm_text){ word, strlen(word) });
}

/* Name it by its memo place if it was written before. */
static bool recall(struct pickle_out *out, uint32_t place)
{
	if (place == NO_MEMO)
		return false;
	put_byte(out, place <= UINT8_MAX ? OP_BINGET : OP_LONG_BINGET);
	put_le(out, place, place <= UINT8_MAX ? 1 : 4);
	return true;
}

static void memoize(struct pickle_out *out, uint32_t *place)
{
	put_byte(out, OP_MEMOIZE);
	*place = out->nmemo++;
}

static void put_frame(struct pickle_out *out, tm_id id)
{
	const struct tm_frame *frame = &out->snapshot->frames[id];
	uint32_t *name = &out->strings[frame->filename];

	if (recall(out, out->frames[id]))
		return;
	if (!recall(out, *name)) {
		put_text(out, out->snapshot->strings[frame->filename]);
		memoize(out, name);
	}
	put_int(out, frame->lineno);
	put_byte(out, OP_TUPLE2);
	memoize(out, &out->frames[id]);
}

static bool is_native(const struct pickle_out *out, uint32_t at)
{
	const struct tm_snapshot *s = out->snapshot;

	return s->frames[s->frame_ids[at]].native != TM_ID_NONE;
}

/* Frames that are written: where there are some of Python, none of C functions. */
static uint32_t count_frames(const struct pickle_out *out, const struct tm_traceback *t,
			     bool *ret_python)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < t->nframe; i++)
		n += !is_native(out, t->first + i);
	*ret_python = n > 0;
	return n ? n : t->nframe;
}

/* Most recent frame first: the raw order of tracemalloc's C part. */
static void put_frames(struct pickle_out *out, tm_id id)
{
	static const int op[] = { 0, OP_TUPLE1, OP_TUPLE2, OP_TUPLE3 };
	const struct tm_traceback *t = &out->snapshot->tracebacks[id];
	uint32_t *place = &out->tuples[id], n;
	bool python;

	if (recall(out, *place))
		return;
	n = count_frames(out, t, &python);
	if (n > 3)
		put_byte(out, OP_MARK);
	for (uint32_t i = t->nframe; i-- > 0;)
		if (!python || !is_native(out, t->first + i))
			put_frame(out, out->snapshot->frame_ids[t->first + i]);
	put_byte(out, n > 3 ? OP_TUPLE : op[n]);
	memoize(out, place);
}

/* tracemalloc would not have it: it is malloc()'s, not Python's. Its own snapshots, in
 * which a module may have taken that number, have no C functions. */
static bool is_of_c(const struct tm_snapshot *snapshot, const struct tm_site *site)
{
	return site->domain == TM_DOMAIN_C && snapshot->nnatives > 0;
}

static void put_trace(struct pickle_out *out, const struct tm_site *site,
		      uint64_t size)
{
	const struct tm_traceback *t = &out->snapshot->tracebacks[site->traceback];

	if (out->four)
		put_byte(out, OP_MARK);
	put_int(out, site->domain);
	put_int(out, size);
	put_frames(out, site->traceback);
	if (!out->four) {
		put_byte(out, OP_TUPLE3);
		return;
	}
	if (t->total_nframe == TM_TOTAL_NFRAME_NONE)
		put_byte(out, OP_NONE);
	else
		put_int(out, t->total_nframe);
	put_byte(out, OP_TUPLE);
}

static bool put_traces(struct pickle_out *out, const struct canon *canon,
		       struct tm_err *err)
{
	uint64_t in_batch = 0;

	for (size_t i = 0; i < canon->nrows; i++) {
		const struct tm_row *row = &canon->rows[i];
		const struct tm_site *site =
			&canon->snapshot->sites[canon->sites.id[row->site]];

		canon_tell(canon, i, canon->nrows);
		if (is_of_c(canon->snapshot, site))
			continue;
		for (uint32_t k = 0; k < row->count; k++) {
			if (in_batch == 0)
				put_byte(out, OP_MARK);
			put_trace(out, site, row->size);
			if (++in_batch == PICKLE_BATCH) {
				put_byte(out, OP_APPENDS);
				in_batch = 0;
				if (!codec_written(out->file, err))
					return false;
			}
		}
	}
	if (in_batch)
		put_byte(out, OP_APPENDS);
	return true;
}

static void put_object(struct pickle_out *out, const char *name)
{
	put_word(out, "tracemalloc");
	put_word(out, name);
	put_byte(out, OP_STACK_GLOBAL);
	put_byte(out, OP_EMPTY_TUPLE);
	put_byte(out, OP_NEWOBJ);
	put_byte(out, OP_EMPTY_DICT);
}

static bool put_snapshot(struct pickle_out *out, const struct canon *canon,
			 struct tm_err *err)
{
	uint32_t limit = out->snapshot->meta.traceback_limit;

	put_byte(out, OP_PROTO);
	put_byte(out, PICKLE_PROTO_WRITTEN);
	put_object(out, "Snapshot");
	put_byte(out, OP_MARK);
	put_word(out, "traces");
	put_object(out, "_Traces");
	put_word(out, "_traces");
	put_byte(out, OP_EMPTY_LIST);
	if (!put_traces(out, canon, err))
		return false;
	put_byte(out, OP_SETITEM);
	put_byte(out, OP_BUILD);
	put_word(out, "traceback_limit");
	put_int(out, limit ? limit : 1);
	put_byte(out, OP_SETITEMS);
	put_byte(out, OP_BUILD);
	put_byte(out, OP_STOP);
	return codec_written(out->file, err);
}

static uint32_t *no_memo(size_t n)
{
	uint32_t *places = tm_reallocarray(NULL, n + 1, sizeof(*places));

	memset(places, 0xff, (n + 1) * sizeof(*places));
	return places;
}

static bool pickle_write(const struct tm_snapshot *snapshot, FILE *file,
			 const struct tm_codec_opts *opts, struct tm_err *err)
{
	struct pickle_out out = { .file = file, .snapshot = snapshot };
	struct canon canon;
	bool ok;

	out.four = opts->pickle_for ? opts->pickle_for >= FIRST_WITH_TOTAL :
				      snapshot->meta.has_total_nframe;
	out.strings = no_memo(snapshot->nstrings);
	out.frames = no_memo(snapshot->nframes);
	out.tuples = no_memo(snapshot->ntracebacks);
	canon_init(&canon, snapshot, &opts->progress);
	ok = put_snapshot(&out, &canon, err);
	canon_deinit(&canon);
	free(out.strings);
	free(out.frames);
	free(out.tuples);
	return ok;
}

/* Protocols 0 and 1 have no mark of their own: so begin an object, and a list,
 * a tuple and a dictionary that something may be in. */
static bool pickle_sniff(const unsigned char *head, size_t len)
{
	static const char *const old[] = {
		"ccopy_reg\n", "ccopyreg\n", "(lp0\n", "(dp0\n", "(ccopy_reg\n",
		"]q", "}q", "(]q", "(}q",
	};

	for (size_t i = 0; i < sizeof(old) / sizeof(old[0]); i++)
		if (len > strlen(old[i]) &&
		    memcmp(head, old[i], strlen(old[i])) == 0)
			return true;
	return len >= 2 && head[0] == OP_PROTO && head[1] < FIRST_NO_PROTOCOL;
}

const struct tm_codec codec_pickle = {
	.name = "pickle",
	.suffix = ".pickle",
	.summary = "Python's Snapshot.dump() and load()",
	.write = pickle_write,
	.read = pickle_read,
	.sniff = pickle_sniff,
};
