/*
 * .tmh files: as of fuzz_tms.c, the input is mostly the plain body, which is
 * packed and signed here. A heap that was read is asked everything.
 */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "codec/tmh.h"
#include "heap/heap.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void ask(struct tm_heap *heap)
{
	const struct tm_heap_query query = { .key = TM_HEAP_ROOT, .retained = true };
	struct heap_census *census = heap->census;
	struct tm_err err;

	tm_heap_groups_destroy(tm_heap_group(heap, &query, &err));
	tm_heap_suspects_destroy(tm_heap_suspects(heap, 0.01, &err));
	tm_heap_wastes_destroy(tm_heap_slack(heap, &err));
	tm_snapshot_destroy(tm_heap_profile(heap, &err));
	for (uint32_t type = 0; type < census->ntypes && type < 4; type++)
		if (census->types[type].name)
			tm_heap_refs_destroy(tm_heap_refs(heap,
				census->types[type].name, type & 1, &err));
}

static int read_file(const void *file, size_t len)
{
	struct heap_census *census;
	struct tm_meta meta;
	struct tm_heap *heap;
	struct tm_err err = { 0 };
	FILE *in = fmemopen((void *)file, len, "r");

	census = tmh_read(in, &meta, &err);
	fclose(in);
	if (!census)
		return err.kind == TM_ERR_NONE ? (abort(), 1) : 0;
	heap = tm_heap_create(census, &meta);
	if (census->graph.nodes < 20000)
		ask(heap);
	tm_heap_destroy(heap);
	return 0;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	size_t room, len;
	unsigned char *file;
	uint32_t crc;

	if (!size)
		return 0;
	if (data[0] == 1)
		return size > 1 ? read_file(data + 1, size - 1) : 0;
	room = ZSTD_compressBound(size - 1);
	file = calloc(1, TMS_HEADER + room + TMS_TRAILER);
	memcpy(file, TMH_MAGIC, 8);
	file[8] = 1;
	len = ZSTD_compress(file + TMS_HEADER, room, data + 1, size - 1, 1);
	if (ZSTD_isError(len))
		abort();
	len += TMS_HEADER;
	crc = (uint32_t)crc32_z(0, file, len);
	memcpy(file + len, &crc, sizeof(crc));
	read_file(file, len + sizeof(crc));
	free(file);
	return 0;
}
