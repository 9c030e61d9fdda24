/* The texts of tracemalloc, to the last digit (Lib/tracemalloc.py, 3.7-3.15). */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "model/frame.h"
#include "tmattach/format.h"

char *tm_format_size(char buf[32], double size, bool sign)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	size_t unit = 0;
	int digits;

	for (; unit < 4 && fabs(size) >= 10 * 1024.0; unit++)
		size /= 1024;
	digits = unit && fabs(size) < 100;
	/* 2^64 bytes are 8 digits of TiB; any double is cut, not overrun. */
	snprintf(buf, 32, sign ? "%+.*f %s" : "%.*f %s", digits, size,
		 units[unit]);
	return buf;
}

/* Whole ones of the largest unit of which there is one; of days two. */
static int format_age(char *buf, size_t len, uint32_t tenths)
{
	const uint32_t s = tenths / (1000000000 / TM_AGE_NS);

	if (s < 60)
		return snprintf(buf, len, "%us", s);
	if (s < 60 * 60)
		return snprintf(buf, len, "%um", s / 60);
	if (s < 2 * 24 * 60 * 60)
		return snprintf(buf, len, "%uh", s / (60 * 60));
	return snprintf(buf, len, "%ud", s / (24 * 60 * 60));
}

char *tm_format_ages(char buf[32], const struct tm_ages *ages)
{
	char oldest[16];
	int n;

	buf[0] = '\0';
	if (!ages || ages->oldest == TM_AGE_NONE)
		return buf;
	n = format_age(buf, 16, ages->newest);
	format_age(oldest, sizeof(oldest), ages->oldest);
	if (strcmp(buf, oldest) != 0)
		snprintf(buf + n, 32 - (size_t)n, "-%s", oldest);
	return buf;
}

/* size / count as Python divides integers: rounded once. */
static double average(uint64_t size, uint64_t count)
{
	const uint64_t exact = UINT64_C(1) << 53;
	unsigned __int128 wide = (unsigned __int128)size << 64;
	unsigned __int128 quotient;

	if (size <= exact && count <= exact)
		return (double)size / (double)count;
	quotient = wide / count;
	if (wide % count)
		quotient |= 1; /* below the last bit that counts */
	return ldexp((double)quotient, -64);
}

/* A native frame of which no line is known: by function or address; one that is none by
 * what stands for it. */
static void add_symbol(struct tm_buf *buf, const struct tm_frame_view *frame)
{
	if (frame->function.bytes) {
		tm_buf_add(buf, frame->function.bytes, frame->function.len);
		if (!frame->module.bytes)
			return;
		tm_buf_adds(buf, " (");
		tm_buf_add(buf, frame->module.bytes, frame->module.len);
		tm_buf_addc(buf, ')');
		return;
	}
	if (frame->module.bytes) {
		tm_buf_add(buf, frame->module.bytes, frame->module.len);
		tm_buf_addc(buf, '+');
	} else if (frame->filename.len && !frame->address) {
		tm_buf_add(buf, frame->filename.bytes, frame->filename.len);
		return;
	}
	tm_buf_addf(buf, "0x%" PRIx64, frame->address);
}

static void add_function(struct tm_buf *buf, const struct tm_frame_view *frame)
{
	tm_buf_add(buf, frame->filename.bytes, frame->filename.len);
	tm_buf_addc(buf, ':');
	if (frame->function.bytes)
		tm_buf_add(buf, frame->function.bytes, frame->function.len);
	else
		tm_buf_addc(buf, '?');
}

static void add_size(struct tm_buf *buf, double size, bool sign)
{
	char text[32];

	tm_buf_adds(buf, tm_format_size(text, size, sign));
}

static char *take(struct tm_buf *buf, size_t *ret_len)
{
	tm_buf_add(buf, NULL, 0); /* an empty text is also a string */
	if (ret_len)
		*ret_len = buf->len;
	return buf->data;
}

char *tm_stat_str(const struct tm_stat *stat, bool diff, size_t *ret_len)
{
	/* str(Traceback) is its oldest frame. */
	struct tm_frame_view frame = tm_stat_frame(stat, 0);
	struct tm_buf buf = { 0 };

	if (stat->key == TM_KEY_FUNCTION) {
		add_function(&buf, &frame);
	} else if (stat->key == TM_KEY_THREAD) {
		tm_buf_add(&buf, frame.filename.bytes, frame.filename.len);
	} else if (frame.native && !frame.lineno) {
		add_symbol(&buf, &frame);
	} else {
		tm_buf_add(&buf, frame.filename.bytes, frame.filename.len);
		tm_buf_addf(&buf, ":%" PRIu32, frame.lineno);
	}
	tm_buf_adds(&buf, ": size=");
	add_size(&buf, (double)stat->size, false);
	if (diff) {
		tm_buf_adds(&buf, " (");
		add_size(&buf, (double)stat->size_diff, true);
		tm_buf_addc(&buf, ')');
	}
	tm_buf_addf(&buf, ", count=%" PRIu64, stat->count);
	if (diff)
		tm_buf_addf(&buf, " (%+" PRId64 ")", stat->count_diff);
	if (stat->count) {
		tm_buf_adds(&buf, ", average=");
		add_size(&buf, average(stat->size, stat->count), false);
	}
	return take(&buf, ret_len);
}

static void add_frame(struct tm_buf *buf, const struct tm_frame_view *frame,
		      bool functions,
		      const struct tm_source_lines *source)
{
	char *line;

	if (buf->len)
		tm_buf_addc(buf, '\n');
	if (frame->native && !frame->lineno) {
		tm_buf_adds(buf, "  ");
		add_symbol(buf, frame);
		return;
	}
	tm_buf_adds(buf, "  File \"");
	tm_buf_add(buf, frame->filename.bytes, frame->filename.len);
	tm_buf_addf(buf, "\", line %" PRIu32, frame->lineno);
	if (frame->function.bytes && (functions || frame->native)) {
		tm_buf_adds(buf, ", in ");
		tm_buf_add(buf, frame->function.bytes, frame->function.len);
	}
	if (!source || !frame->lineno)
		return;
	line = source->line(source->ctx, frame->filename, frame->lineno);
	if (line && *line) {
		tm_buf_adds(buf, "\n    ");
		tm_buf_adds(buf, line);
	}
	free(line);
}

char *tm_traceback_format(const struct tm_snapshot *snapshot, tm_id traceback,
			  int32_t limit, bool most_recent_first, bool functions,
			  const struct tm_source_lines *source,
			  size_t *ret_len)
{
	int64_t n = snapshot->tracebacks[traceback].nframe;
	int64_t first = 0, end = n;
	struct tm_buf buf = { 0 };

	if (limit > 0 && limit < n) /* TM_NO_LIMIT is one of the large ones */
		first = n - limit;
	else if (limit <= 0)
		end = limit ? n + limit : 0;
	for (int64_t i = first; i < end; i++) {
		int64_t at = most_recent_first ? first + end - 1 - i : i;
		struct tm_frame_view frame =
			tm_traceback_frame(snapshot, traceback, (uint32_t)at);

		add_frame(&buf, &frame, functions, source);
	}
	return take(&buf, ret_len);
}
