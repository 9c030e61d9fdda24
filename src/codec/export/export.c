#include "codec/export/export.h"

#include <inttypes.h>
#include <string.h>

#include "base/utf8.h"

static bool is_one_of(uint32_t code, const char *also)
{
	return code && code < 0x80 && strchr(also, (int)code);
}

void export_text(struct tm_buf *buf, struct tm_text text, const char *also)
{
	uint32_t code;

	tm_buf_add(buf, "", 0);
	for (size_t i = 0; i < text.len;) {
		unsigned n = tm_utf8_decode(text.bytes + i, text.len - i, &code);

		if (!n)
			tm_buf_addf(buf, "\\x%02x", (unsigned char)text.bytes[i]);
		else if (code == '\\')
			tm_buf_adds(buf, "\\\\");
		else if (tm_is_control(code) || is_one_of(code, also))
			tm_buf_addf(buf, "\\x%02x", code);
		else if (tm_is_surrogate(code) || tm_is_reordering(code))
			tm_buf_addf(buf, "\\u%04x", code);
		else
			tm_buf_add(buf, text.bytes + i, n);
		i += n ? n : 1;
	}
}

void export_label(struct tm_buf *buf, struct tm_frame_view frame,
		  const char *also)
{
	if (frame.native && frame.function.bytes) {
		export_text(buf, frame.function, also);
	} else if (!frame.native && frame.function.bytes) {
		export_text(buf, frame.function, also);
		tm_buf_adds(buf, " (");
		export_text(buf, frame.filename, also);
		tm_buf_addf(buf, ":%" PRIu32 ")", frame.lineno);
	} else if (!frame.native || frame.filename.len) {
		export_text(buf, frame.filename, also);
		tm_buf_addf(buf, ":%" PRIu32, frame.lineno);
	} else {
		if (frame.module.bytes) {
			export_text(buf, frame.module, also);
			tm_buf_addc(buf, '+');
		}
		tm_buf_addf(buf, "0x%" PRIx64, frame.address);
	}
}

void export_name(struct tm_buf *buf, struct tm_frame_view frame, const char *also)
{
	if (frame.function.bytes)
		export_text(buf, frame.function, also);
	else
		export_label(buf, frame, also);
}

static const struct tm_site *site_at(const struct canon *canon, size_t rank)
{
	return &canon->snapshot->sites[canon->sites.id[rank]];
}

/* Equal frames are adjacent in canonical order. */
static bool same_frames(const struct tm_snapshot *s, tm_id a, tm_id b)
{
	const struct tm_traceback *x = &s->tracebacks[a];
	const struct tm_traceback *y = &s->tracebacks[b];

	return a == b || (x->nframe == y->nframe &&
			  memcmp(&s->frame_ids[x->first], &s->frame_ids[y->first],
				 x->nframe * sizeof(tm_id)) == 0);
}

bool export_next(const struct canon *canon, size_t *at,
		 struct export_stack *ret)
{
	const struct tm_snapshot *s = canon->snapshot;
	const struct tm_traceback *traceback;
	const struct tm_site *first;

	if (*at >= canon->sites.n)
		return false;
	canon_tell(canon, *at, canon->sites.n);
	first = site_at(canon, *at);
	traceback = &s->tracebacks[first->traceback];
	*ret = (struct export_stack){
		.frames = &s->frame_ids[traceback->first],
		.nframe = traceback->nframe,
	};
	for (; *at < canon->sites.n; ++*at) {
		const struct tm_site *site = site_at(canon, *at);

		if (!same_frames(s, first->traceback, site->traceback))
			break;
		ret->size += site->size;
		ret->count += site->count;
	}
	return true;
}
