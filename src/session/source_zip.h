/* One file out of a zip archive, as Python's zipimport reads it. */
#ifndef TM_SESSION_SOURCE_ZIP_H
#define TM_SESSION_SOURCE_ZIP_H

#include <stdbool.h>

#include "base/buf.h"

/*
 * The bytes of a member, into an empty `ret`: stored or deflated, and of the
 * length and checksum that the archive states. Something may precede the
 * archive in its file ("#!/usr/bin/env python3"). False if there is no such
 * archive or member, if it is encrypted, in ZIP64 or longer than `max`.
 */
bool tm_zip_member(int fd, const char *name, size_t max, struct tm_buf *ret);

#endif
