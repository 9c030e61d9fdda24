/*
 * The memory of a process, made up: SIZE bytes from BASE on. Included after the enum
 * that says where in it what is, and has the SIZE.
 */
#ifndef TM_MADE_MEMORY_H
#define TM_MADE_MEMORY_H

#include <string.h>

#include "mem/mem.h"

#define BASE ((tm_addr)0x10000)

static unsigned char bytes[SIZE];

static inline void put64(size_t at, uint64_t value)
{
	memcpy(bytes + at, &value, sizeof(value));
}

/* All of it zero again; the caller's, as tm_mem_bytes() says. */
static inline struct tm_mem *made_memory(void)
{
	memset(bytes, 0, sizeof(bytes));
	return tm_mem_bytes(BASE, bytes, SIZE);
}

#endif
