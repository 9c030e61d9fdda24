/* The census that a .tmh file becomes. */
#ifndef TM_CODEC_TMH_CENSUS_H
#define TM_CODEC_TMH_CENSUS_H

#include "base/map.h"
#include "heap/census.h"

struct tmh_room {
	uint64_t used, allocated;
	uint32_t item_size;
};

struct tmh_census {
	struct heap_census census; /* first */
	uint64_t *address;         /* by node */
	uint32_t *size;            /* by node; UINT32_MAX: in `large` */
	struct tm_map large;       /* node -> index in large_sizes */
	uint64_t *large_sizes;
	size_t nlarge, large_cap;
	const char **strings;      /* in the census's arena */
	size_t nstrings, strings_cap;
	struct tm_map keys;        /* node -> string */
	struct tm_map rooms;       /* node -> room */
	struct tmh_room *room;
	size_t nroom, room_cap;
	/* While it is read: how much room the arrays have. */
	size_t nodes_cap, types_cap, roots_cap;
};

/* Empty, but for node 0's functions. */
struct tmh_census *tmh_census_create(void);

void tmh_census_set_size(struct tmh_census *self, uint32_t node, uint64_t size);

#endif
