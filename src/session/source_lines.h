/* The source lines of a session: the public door, under this room's name. */
#ifndef TM_SESSION_SOURCE_LINES_H
#define TM_SESSION_SOURCE_LINES_H

#include "tmattach/source_lines.h"

#endif
