/*
 * The threads of a process as one JSON object:
 *
 * {"format":"tmattach-threads","version":1,"source":S,"pause_ms":0.0,
 *  "threads":[{"tid":1,"name":"python3","state":"S","syscall":"futex",
 *    "python":[{"filename":…,"lineno":…,"function":…}],"python_complete":true,
 *    "native":[FRAME…],"native_complete":true}]}
 */
#include "base/guard.h"
#include "codec/codec.h"
#include "codec/json_shape.h"

static json_t *python_frames(const struct tm_thread_info *info)
{
	json_t *frames = json_array();

	for (size_t i = 0; i < info->npython; i++) {
		json_t *frame = json_frame(info->python[i]);

		json_object_set_new(frame, "function",
				    json_text(info->python[i].function));
		json_array_append_new(frames, frame);
	}
	return frames;
}

static json_t *native_frames(const struct tm_thread_info *info)
{
	json_t *frames = json_array();

	for (size_t i = 0; i < info->nnative; i++)
		json_array_append_new(frames, json_frame(info->native[i]));
	return frames;
}

static json_t *thread(const struct tm_thread_info *info)
{
	char state[2] = { info->state };
	json_t *object = json_object();

	json_object_set_new(object, "tid", json_integer(info->tid));
	json_object_set_new(object, "name", json_cstring(info->name));
	json_object_set_new(object, "state", json_cstring(state));
	json_object_set_new(object, "syscall", json_cstring(info->syscall));
	json_object_set_new(object, "python", python_frames(info));
	json_object_set_new(object, "python_complete",
			    json_boolean(info->python_complete));
	json_object_set_new(object, "native", native_frames(info));
	json_object_set_new(object, "native_complete",
			    json_boolean(info->native_complete));
	return object;
}

bool tm_write_threads_json(const struct tm_threads *threads, FILE *out,
			   struct tm_err *err)
{
	TM_GUARD(tm_buf_free) struct tm_buf buf = { 0 };
	double pause_ms = (double)threads->meta.pause_ns / 1e6;
	json_t *report = json_object(), *list = json_array();

	json_object_set_new(report, "format", json_string("tmattach-threads"));
	json_object_set_new(report, "version", json_integer(1));
	json_object_set_new(report, "source", json_source(&threads->meta, NULL));
	json_object_set_new(report, "pause_ms", json_real(pause_ms));
	for (size_t i = 0; i < threads->n; i++)
		json_array_append_new(list, thread(&threads->threads[i]));
	json_object_set_new(report, "threads", list);
	json_append_real(&buf, report, pause_ms);
	json_decref(report);
	tm_buf_addc(&buf, '\n');
	fwrite(buf.data, 1, buf.len, out);
	return codec_written(out, err);
}
