/* Text between the world's bytes and the model's strings. */
#ifndef TM_CLI_TEXT_H
#define TM_CLI_TEXT_H

#include "base/buf.h"
#include "tmattach/model.h"

/*
 * Append text as a terminal may see it, always valid UTF-8: control
 * characters but TAB, and bytes that are no UTF-8, become \xNN; lone
 * surrogates (Python's way to keep undecodable bytes of a file name) \udcNN;
 * characters that reorder a line \u202e. All else stays as it is.
 */
void cli_text_escape(struct tm_buf *out, const char *bytes, size_t len);

/*
 * A word of the command line as Python's os.fsdecode() takes it: bytes that
 * are no UTF-8 become surrogate escapes. malloc'ed bytes.
 */
struct tm_text cli_text_from_arg(const char *arg);

#endif
