/* What /proc/PID/maps would have said of a core. Private to src/session. */
#ifndef TM_SESSION_CORE_MAPS_H
#define TM_SESSION_CORE_MAPS_H

#include "mem/core_file.h"
#include "target/maps.h"

/* The segments and the file mappings as regions; release them with
 * tm_maps_free(). The paths are borrowed from `file`. */
void tm_core_maps(const struct tm_core_file *file, struct tm_maps *ret);

#endif
