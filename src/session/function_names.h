/* Names of functions by file and line, as far as they are known. Private to
 * src/session. */
#ifndef TM_SESSION_FUNCTION_NAMES_H
#define TM_SESSION_FUNCTION_NAMES_H

#include <stdbool.h>

#include "base/intern.h"
#include "base/map.h"
#include "tmattach/model.h"

struct tm_function_names {
	struct tm_intern files, names;
	/* File << 32 | line -> its name, or none. */
	struct tm_map lines;
	/* The same of files whose text may be another every time, as "<string>":
	 * of one snapshot only. */
	struct tm_map passing;
	bool lacking; /* one was asked for that nobody has looked for */
	bool unsupported; /* none can be found in this process: nobody is to look */
};

struct tm_function_names *tm_function_names_create(void);
void tm_function_names_destroy(struct tm_function_names *names); /* NULL is fine */

/* A snapshot more. */
void tm_function_names_begin(struct tm_function_names *names);
/* The number of the file. */
uint32_t tm_function_names_file(struct tm_function_names *names, struct tm_text filename);
/* Is there reason to look for it? Not for one that was looked for in vain, and not
 * for a passing one alone. */
bool tm_function_names_lacks(struct tm_function_names *names, struct tm_text filename,
			     uint32_t lineno);
/* `name` may be NULL: there is none. */
void tm_function_names_add(struct tm_function_names *names, struct tm_text filename,
			   uint32_t lineno, const char *name);
/* NULL: it is not known. */
const char *tm_function_names_at(struct tm_function_names *names,
				 struct tm_text filename, uint32_t lineno);

#endif
