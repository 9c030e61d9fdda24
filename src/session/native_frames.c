#include "session/native_frames.h"

#include <string.h>

#include "session/native_names.h"
#include "session/thread_names.h"

static tm_id optional_string(struct tm_builder *builder, const char *text)
{
	return text ? tm_builder_string(builder, text, strlen(text)) : TM_ID_NONE;
}

static tm_id module_id(struct tm_builder *builder,
		       const struct native_module *module)
{
	if (!module)
		return TM_ID_NONE;
	return tm_builder_module(builder,
				 optional_string(builder, module->path),
				 optional_string(builder, module->build_id[0]
						 ? module->build_id : NULL));
}

static size_t native_frames(void *ctx, struct tm_builder *builder, tm_addr pc,
			    tm_id *ret, size_t max)
{
	struct tm_code_place place = tm_native_names_place(ctx, pc);
	tm_id module = module_id(builder, place.module);
	size_t n = place.n < max ? place.n : max;

	for (size_t i = 0; i < n; i++) {
		const struct tm_code_frame *frame = &place.frames[i];
		const struct tm_native_frame more = {
			.function = optional_string(builder, frame->function),
			.module = module,
			.address = place.offset,
			.inlined = frame->inlined,
		};
		const char *filename = frame->filename ? frame->filename : "";

		ret[i] = tm_builder_native_frame(builder,
			tm_builder_string(builder, filename, strlen(filename)),
			frame->lineno, &more);
	}
	return n;
}

/* main(), Go's end of a goroutine, and the code at the entry point of an image: glibc's loader calls constructors
 * from there (_dl_start_user), which has no unwind rows, and mostly no symbol. */
static bool begins(void *ctx, tm_addr pc)
{
	enum { ENTRY_CODE = 64 };
	struct tm_code_place place = tm_native_names_place(ctx, pc);
	const char *function = place.n > 0 ? place.frames[0].function : NULL;

	return (function && (strcmp(function, "main") == 0 ||
			     strncmp(function, "runtime.goexit", 14) == 0)) ||
	       (place.module && place.module->image.entry &&
		place.offset - place.module->image.entry < ENTRY_CODE);
}

bool tm_recorder_frames(struct tm_session *session, const struct tm_recorder_copy *copy,
			struct tm_mem *table, tm_addr at, struct tm_frame_source *ret,
			struct tm_err *err)
{
	struct tm_native_names *names = tm_native_names(session, table, at, &copy->table, err);
	struct tm_err unknown;

	*ret = (struct tm_frame_source){
		.frames = native_frames, .begins = begins, .ctx = names,
	};
	tm_thread_names_tell(session, ret);
	if (names)
		tm_native_names_remark(names);
	if (tm_recorder_is_python(&copy->table) && tm_subject_python(session, &unknown))
		ret->lines = session->runtime.layout->stack.lines;
	return names;
}
