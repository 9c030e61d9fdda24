/* Other names for files: one mapping applied. */
#ifndef TM_MODEL_RENAME_H
#define TM_MODEL_RENAME_H

#include "base/buf.h"
#include "tmattach/model.h"

/* The new name of the file, into an empty `ret`; false if no mapping is about it. */
bool tm_rename(const struct tm_mapping *mappings, size_t n, struct tm_text name,
	       struct tm_buf *ret);

#endif
