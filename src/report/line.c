#include "report/line.h"

#include <stdlib.h>
#include <string.h>

#include "base/guard.h"
#include "base/utf8.h"

void line_print(FILE *out, const char *indent, const char *bytes, size_t len)
{
	TM_GUARD(tm_buf_free) struct tm_buf line = { 0 };

	tm_buf_adds(&line, indent);
	tm_utf8_add_visible(&line, bytes, len);
	tm_buf_addc(&line, '\n');
	fwrite(line.data, 1, line.len, out);
}

void line_print_buf(FILE *out, const char *indent, const struct tm_buf *buf)
{
	line_print(out, indent, buf->data, buf->len);
}

/* The end of a frame's first line: names may contain line breaks as well. */
static const char *end_of_head(const char *p, const char *end,
			       struct tm_text name)
{
	size_t breaks = 0;

	for (size_t i = 0; i < name.len; i++)
		breaks += name.bytes[i] == '\n';
	for (; p < end; p++)
		if (*p == '\n' && breaks-- == 0)
			break;
	return p;
}

void line_print_traceback(const struct report *how,
			  const struct tm_snapshot *snapshot, tm_id traceback)
{
	TM_GUARD(tm_free_ptr) char *text = NULL;
	size_t len;
	const char *p, *end, *stop;

	text = tm_traceback_format(snapshot, traceback, TM_NO_LIMIT, false,
				   how->functions, how->lines, &len);
	p = text;
	end = text + len;
	for (uint32_t i = 0; p < end; i++) {
		struct tm_frame_view frame =
			tm_traceback_frame(snapshot, traceback, i);

		stop = end_of_head(p, end, frame.filename);
		line_print(how->out, "", p, (size_t)(stop - p));
		p = stop < end ? stop + 1 : end;
		/* A source line is indented deeper than any head. */
		if (end - p < 4 || memcmp(p, "    ", 4) != 0)
			continue;
		stop = end_of_head(p, end, (struct tm_text){ "", 0 });
		line_print(how->out, "", p, (size_t)(stop - p));
		p = stop < end ? stop + 1 : end;
	}
}

void line_print_source(const struct report *how, struct tm_frame_view frame)
{
	TM_GUARD(tm_free_ptr) char *line = NULL;

	if (how->lines)
		line = how->lines->line(how->lines->ctx, frame.filename,
					frame.lineno);
	if (line)
		line_print(how->out, "    ", line, strlen(line));
}
