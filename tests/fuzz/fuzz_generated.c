/*
 * What compilers say of their code, from hostile hands. First byte 0: the records of a
 * jitdump file; else Go's table.
 */
#include <stdlib.h>
#include <string.h>

#include "native/go_table.h"
#include "native/jitdump.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void fuzz_jitdump(const void *data, size_t size)
{
	struct jitdump *dump = jitdump_create();
	size_t took = jitdump_parse(dump, data, size);

	if (took > size)
		abort();
	for (tm_addr at = 0; at < 0x4000; at += 0x70) {
		const struct tm_code_frame *frame = jitdump_find(dump, at);

		if (frame && (!frame->function || strlen(frame->function) > size))
			abort();
	}
	jitdump_find(dump, UINT64_MAX);
	jitdump_destroy(dump);
}

static void fuzz_go(const void *data, size_t size)
{
	struct native_go_table table;
	struct native_go_place place;

	if (!native_go_table_read(data, size, &table))
		return;
	for (uint64_t off = 0; off < 0x100; off += 7)
		if (native_go_table_find(&table, table.text + off, &place) &&
		    strlen(place.function) > size)
			abort();
	native_go_table_find(&table, UINT64_MAX, &place);
	native_go_table_find(&table, 0, &place);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	if (size < 2)
		return 0;
	(data[0] ? fuzz_go : fuzz_jitdump)(data + 1, size - 1);
	return 0;
}
