#include "cli/text.h"

#include <string.h>

#include "base/utf8.h"

struct tm_text cli_text_from_arg(const char *arg)
{
	struct tm_buf out = { 0 };

	tm_buf_add(&out, "", 0);
	tm_utf8_add_escaped(&out, arg, strlen(arg));
	return (struct tm_text){ out.data, out.len };
}
