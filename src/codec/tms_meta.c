#include "codec/tms_meta.h"

#include <string.h>

/* ---- writing ------------------------------------------------------------------ */

static void put_field(struct tms_out *out, enum tms_meta_field field,
		      uint64_t v)
{
	unsigned n = 1;

	for (uint64_t rest = v >> 7; rest; rest >>= 7)
		n++;
	tms_put(out, field);
	tms_put(out, n);
	tms_put(out, v);
}

static void put_text_field(struct tms_out *out, enum tms_meta_field field,
			   const char *text, size_t size)
{
	size_t n = strnlen(text, size);

	tms_put(out, field);
	tms_put(out, n);
	tm_buf_add(&out->chunk, text, n);
}

void tms_put_meta(struct tms_out *out, const struct tm_meta *meta)
{
	put_field(out, TMS_META_PID, (uint32_t)meta->pid);
	put_field(out, TMS_META_TRACEBACK_LIMIT, meta->traceback_limit);
	put_field(out, TMS_META_TAKEN_AT, (uint64_t)meta->taken_at);
	put_field(out, TMS_META_TRACED_CURRENT, meta->traced_current);
	put_field(out, TMS_META_TRACED_PEAK, meta->traced_peak);
	put_field(out, TMS_META_TRACER_MEMORY, meta->tracer_memory);
	put_field(out, TMS_META_PAUSE_NS, meta->pause_ns);
	put_field(out, TMS_META_SAMPLE_BYTES, meta->sample_bytes);
	put_field(out, TMS_META_DROPPED, meta->dropped);
	put_field(out, TMS_META_HAS_TOTAL_NFRAME, meta->has_total_nframe);
	put_field(out, TMS_META_PARTIAL, meta->partial);
	put_text_field(out, TMS_META_RUNTIME, meta->runtime,
		       sizeof(meta->runtime));
	put_text_field(out, TMS_META_COMMAND, meta->command,
		       sizeof(meta->command));
	tms_flush(out, TMS_META);
}

/* ---- reading ------------------------------------------------------------------ */

static void get_text(struct tms_in *in, char *to, size_t size, size_t len)
{
	size_t n = len < size ? len : size - 1;

	memset(to, 0, size);
	tms_in_bytes(in, to, n);
}

static void set_field(struct tm_meta *meta, uint64_t field, uint64_t v)
{
	switch (field) {
	case TMS_META_PID: meta->pid = (int32_t)(uint32_t)v; break;
	case TMS_META_TRACEBACK_LIMIT: meta->traceback_limit = (uint32_t)v; break;
	case TMS_META_TAKEN_AT: meta->taken_at = (int64_t)v; break;
	case TMS_META_TRACED_CURRENT: meta->traced_current = v; break;
	case TMS_META_TRACED_PEAK: meta->traced_peak = v; break;
	case TMS_META_TRACER_MEMORY: meta->tracer_memory = v; break;
	case TMS_META_PAUSE_NS: meta->pause_ns = v; break;
	case TMS_META_SAMPLE_BYTES: meta->sample_bytes = v; break;
	case TMS_META_DROPPED: meta->dropped = v; break;
	case TMS_META_HAS_TOTAL_NFRAME: meta->has_total_nframe = v != 0; break;
	case TMS_META_PARTIAL: meta->partial = v != 0; break;
	default: break; /* a field of a newer minor version */
	}
}

static void get_field(struct tms_in *in, struct tm_meta *meta)
{
	uint64_t field = tms_in_varint(in);
	uint64_t len = tms_in_varint(in);
	uint64_t left = tms_in_left(in);

	if (len > left)
		tms_in_corrupt(in, "a meta field crosses its chunk's end");
	if (tms_in_failed(in))
		return;
	if (field == TMS_META_RUNTIME)
		get_text(in, meta->runtime, sizeof(meta->runtime), len);
	else if (field == TMS_META_COMMAND)
		get_text(in, meta->command, sizeof(meta->command), len);
	else if (field <= TMS_META_PARTIAL)
		set_field(meta, field, tms_in_varint(in));
	left -= tms_in_left(in);
	if (left > len)
		tms_in_corrupt(in, "a meta field shorter than its value");
	else
		tms_in_skip(in, len - left);
}

void tms_get_meta(struct tms_in *in, struct tm_meta *meta)
{
	while (tms_in_left(in) && !tms_in_failed(in))
		get_field(in, meta);
}
