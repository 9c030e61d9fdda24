#include "codec/json_shape.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

char *json_time(char buf[static 40], int64_t ms)
{
	int64_t rest = ((ms % 1000) + 1000) % 1000;
	time_t seconds = (time_t)((ms - rest) / 1000);
	struct tm tm;
	size_t n;

	buf[0] = '\0';
	if (!gmtime_r(&seconds, &tm) || tm.tm_year > 8099 || tm.tm_year < -1900)
		return buf;
	n = strftime(buf, 40, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + n, 40 - n, ".%03dZ", (int)rest);
	return buf;
}

int64_t json_parse_time(const char *text)
{
	struct tm tm = { 0 };
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	int ms = 0, used = 0;

	if (!rest || sscanf(rest, ".%3dZ%n", &ms, &used) != 1 || used != 5 ||
	    rest[5])
		return 0;
	return (int64_t)timegm(&tm) * 1000 + ms;
}

json_t *json_source(const struct tm_meta *meta, const char *file)
{
	json_t *source = json_object();
	char when[40];

	json_object_set_new(source, "pid", meta->pid ?
			    json_integer(meta->pid) : json_null());
	json_object_set_new(source, "file", json_bytes(file));
	json_object_set_new(source, "runtime", json_cstring(meta->runtime));
	json_object_set_new(source, "traceback_limit",
			    json_integer(meta->traceback_limit));
	json_object_set_new(source, "taken_at", json_cstring(
		meta->taken_at ? json_time(when, meta->taken_at) : NULL));
	return source;
}

json_t *json_frame(struct tm_frame_view view)
{
	json_t *frame = json_object();
	char address[24];

	json_object_set_new(frame, "filename", json_text(view.filename));
	json_object_set_new(frame, "lineno", json_integer(view.lineno));
	if (!view.native && view.function.bytes)
		json_object_set_new(frame, "function", json_text(view.function));
	if (!view.native)
		return frame;
	snprintf(address, sizeof(address), "0x%" PRIx64, view.address);
	json_object_set_new(frame, "function", json_text(view.function));
	json_object_set_new(frame, "module", json_text(view.module));
	json_object_set_new(frame, "address", json_string(address));
	json_object_set_new(frame, "inlined", json_boolean(view.inlined));
	return frame;
}

void json_begin_list(struct tm_buf *buf, json_t *head)
{
	json_append(buf, head);
	json_decref(head);
	buf->len -= 2; /* the "]}" of json_end_list() */
	buf->data[buf->len] = '\0';
}

void json_end_list(struct tm_buf *buf)
{
	tm_buf_adds(buf, "]}\n");
}
