/* Conversion between external bytes and the model's strings. */
#ifndef TM_CLI_TEXT_H
#define TM_CLI_TEXT_H

#include "base/buf.h"
#include "tmattach/model.h"

/*
 * A word of the command line as Python's os.fsdecode() takes it: bytes that
 * are not UTF-8 become surrogate escapes. malloc'ed bytes.
 */
struct tm_text cli_text_from_arg(const char *arg);

#endif
