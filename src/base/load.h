/*
 * Fields of foreign records: loaded byte-wise from a buffer, never through a
 * cast, because remote structs are unaligned and are not ours.
 */
#ifndef TM_BASE_LOAD_H
#define TM_BASE_LOAD_H

#include <stdint.h>
#include <string.h>

static inline uint8_t tm_load_u8(const void *buf, size_t off)
{
	return ((const uint8_t *)buf)[off];
}

static inline uint16_t tm_load_u16(const void *buf, size_t off)
{
	uint16_t v;

	memcpy(&v, (const char *)buf + off, sizeof(v));
	return v;
}

static inline uint32_t tm_load_u32(const void *buf, size_t off)
{
	uint32_t v;

	memcpy(&v, (const char *)buf + off, sizeof(v));
	return v;
}

static inline uint64_t tm_load_u64(const void *buf, size_t off)
{
	uint64_t v;

	memcpy(&v, (const char *)buf + off, sizeof(v));
	return v;
}

#endif
