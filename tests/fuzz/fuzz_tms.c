/*
 * Behind a checksum nearly every mutation would end at once. So the input is
 * mostly the body, plain, which is packed and signed here; with a first byte
 * of 1 it is a file as it is.
 */
#include <zlib.h>
#include <zstd.h>

#include "codec/tms.h"
#include "fuzz/fuzz_codec.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	size_t room, len;
	unsigned char *file;
	uint32_t crc;

	if (!size)
		return 0;
	if (data[0] == 1)
		return fuzz_codec("tms", data + 1, size - 1);
	room = ZSTD_compressBound(size - 1);
	file = calloc(1, TMS_HEADER + room + TMS_TRAILER);
	memcpy(file, TMS_MAGIC, 8);
	file[8] = TMS_MAJOR;
	len = ZSTD_compress(file + TMS_HEADER, room, data + 1, size - 1, 1);
	if (ZSTD_isError(len))
		abort();
	len += TMS_HEADER;
	crc = (uint32_t)crc32_z(0, file, len);
	memcpy(file + len, &crc, sizeof(crc));
	fuzz_codec("tms", file, len + sizeof(crc));
	free(file);
	return 0;
}
