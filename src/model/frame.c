#include "model/frame.h"

#include <string.h>

#include "base/order.h"

struct tm_frame_view tm_snapshot_frame(const struct tm_snapshot *s, tm_id id)
{
	const struct tm_frame *frame = &s->frames[id];
	struct tm_frame_view view = {
		.filename = s->strings[frame->filename],
		.lineno = frame->lineno,
	};
	const tm_id function = frame_function(s, id);
	const struct tm_native_frame *native;

	if (function != TM_ID_NONE)
		view.function = s->strings[function];
	if (frame->native == TM_ID_NONE)
		return view;
	native = &s->natives[frame->native];
	view.native = true;
	view.inlined = native->inlined != 0;
	view.address = native->address;
	if (native->module != TM_ID_NONE)
		view.module = s->strings[s->modules[native->module].path];
	return view;
}

struct tm_frame_view tm_traceback_frame(const struct tm_snapshot *snapshot,
					tm_id traceback, uint32_t i)
{
	const struct tm_traceback *tb = &snapshot->tracebacks[traceback];

	return tm_snapshot_frame(snapshot, snapshot->frame_ids[tb->first + i]);
}

int tm_text_compare(struct tm_text a, struct tm_text b)
{
	size_t common = a.len < b.len ? a.len : b.len;
	int order = common ? memcmp(a.bytes, b.bytes, common) : 0;

	return order ? order : tm_order_u64(a.len, b.len);
}

tm_id frame_filename(const struct tm_snapshot *s, tm_id id)
{
	const struct tm_frame *frame = &s->frames[id];
	tm_id module;

	if (frame->native == TM_ID_NONE || s->strings[frame->filename].len)
		return frame->filename;
	module = s->natives[frame->native].module;
	return module == TM_ID_NONE ? frame->filename : s->modules[module].path;
}

tm_id frame_function(const struct tm_snapshot *s, tm_id id)
{
	const struct tm_frame *frame = &s->frames[id];

	return frame->native == TM_ID_NONE ? frame->function
					   : s->natives[frame->native].function;
}
