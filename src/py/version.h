/* Which Python an image is. Private to src/py. */
#ifndef TM_PY_VERSION_H
#define TM_PY_VERSION_H

#include "image/image.h"

/*
 * The version of the image as 0xMMmmpp00 or better (0x030d05f0): from
 * Py_Version, from the _Py_DebugOffsets cookie in _PyRuntime, and from the
 * text that Py_GetVersion() returns; all that exist must agree. 0 with no
 * error set if the image is not Python at all.
 */
bool py_version_read(struct tm_mem *mem, const struct tm_image *image,
		     uint32_t *ret_hex, bool *ret_free_threaded,
		     struct tm_err *err) TM_MUST_CHECK;

#endif
