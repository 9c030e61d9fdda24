#include "session/source_zip.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/load.h"

/* APPNOTE.TXT of PKWARE: 4.3.7, 4.3.12 and 4.3.16. */
enum {
	END_SIZE = 22, END_MAGIC = 0x06054b50, COMMENT_MAX = 65535,
	CENTRAL_SIZE = 46, CENTRAL_MAGIC = 0x02014b50,
	LOCAL_SIZE = 30, LOCAL_MAGIC = 0x04034b50,
	FLAG_ENCRYPTED = 1, STORED = 0, DEFLATED = 8,
	DIRECTORY_MAX = 64 << 20,
};

struct archive {
	int fd;
	uint64_t size;      /* of its file */
	uint64_t before;    /* bytes before the archive */
	uint64_t directory; /* where that begins in the file */
	uint32_t directory_size;
};

struct member {
	unsigned flags, method;
	uint32_t crc, packed, size;
	uint64_t header;    /* where its local header is in the file */
};

static bool read_at(const struct archive *zip, uint64_t at, void *buf, size_t len)
{
	return len <= zip->size && at <= zip->size - len &&
	       pread(zip->fd, buf, len, (off_t)at) == (ssize_t)len;
}

/* The last record of the file that reaches exactly to its end. */
static bool find_end(struct archive *zip, uint64_t *ret_at, char *ret)
{
	size_t len = zip->size < END_SIZE + COMMENT_MAX ? (size_t)zip->size
							: END_SIZE + COMMENT_MAX;
	TM_GUARD(tm_free_ptr) char *tail = tm_malloc(len);

	if (len < END_SIZE || !read_at(zip, zip->size - len, tail, len))
		return false;
	for (size_t i = len - END_SIZE + 1; i-- > 0;) {
		if (tm_load_u32(tail, i) != END_MAGIC ||
		    i + END_SIZE + tm_load_u16(tail, i + 20) != len)
			continue;
		*ret_at = zip->size - len + i;
		memcpy(ret, tail + i, END_SIZE);
		return true;
	}
	return false;
}

static bool open_archive(struct archive *zip, int fd)
{
	char end[END_SIZE];
	uint64_t at, offset;
	struct stat st;

	*zip = (struct archive){ .fd = fd };
	if (fstat(fd, &st) < 0)
		return false;
	zip->size = (uint64_t)st.st_size;
	if (!find_end(zip, &at, end))
		return false;
	zip->directory_size = tm_load_u32(end, 12);
	offset = tm_load_u32(end, 16);
	if (zip->directory_size > DIRECTORY_MAX || zip->directory_size > at ||
	    offset > at - zip->directory_size)
		return false;
	zip->directory = at - zip->directory_size;
	zip->before = zip->directory - offset;
	return true;
}

static bool find_member(const struct archive *zip, const char *name,
			struct member *ret)
{
	TM_GUARD(tm_free_ptr) char *bytes = tm_malloc(zip->directory_size);
	size_t left = zip->directory_size, len = strlen(name);
	const char *p = bytes;

	if (!read_at(zip, zip->directory, bytes, left))
		return false;
	while (left >= CENTRAL_SIZE && tm_load_u32(p, 0) == CENTRAL_MAGIC) {
		size_t n = tm_load_u16(p, 28), size = CENTRAL_SIZE + n +
			   tm_load_u16(p, 30) + tm_load_u16(p, 32);

		if (size > left)
			return false;
		if (n == len && memcmp(p + CENTRAL_SIZE, name, n) == 0) {
			*ret = (struct member){
				tm_load_u16(p, 8), tm_load_u16(p, 10),
				tm_load_u32(p, 16), tm_load_u32(p, 20),
				tm_load_u32(p, 24), zip->before + tm_load_u32(p, 42),
			};
			return true;
		}
		p += size;
		left -= size;
	}
	return false;
}

static bool inflate_all(const char *packed, size_t len, char *ret, size_t size)
{
	z_stream z = {
		.next_in = (Bytef *)(uintptr_t)packed, .avail_in = (uInt)len,
		.next_out = (Bytef *)ret, .avail_out = (uInt)size,
	};
	bool ok;

	if (inflateInit2(&z, -MAX_WBITS) != Z_OK)
		return false;
	ok = inflate(&z, Z_FINISH) == Z_STREAM_END && z.total_out == size;
	inflateEnd(&z);
	return ok;
}

static bool unpack(const struct archive *zip, const struct member *member,
		   struct tm_buf *ret)
{
	TM_GUARD(tm_free_ptr) char *packed = tm_malloc(member->packed);
	char local[LOCAL_SIZE], *room = tm_buf_room(ret, member->size);
	uint64_t at = member->header + LOCAL_SIZE;

	if (!read_at(zip, member->header, local, sizeof(local)) ||
	    tm_load_u32(local, 0) != LOCAL_MAGIC)
		return false;
	at += (uint64_t)tm_load_u16(local, 26) + tm_load_u16(local, 28);
	if (!read_at(zip, at, packed, member->packed))
		return false;
	if (member->method == DEFLATED) {
		if (!inflate_all(packed, member->packed, room, member->size))
			return false;
	} else {
		memcpy(room, packed, member->size);
	}
	ret->len += member->size;
	ret->data[ret->len] = '\0';
	return crc32(crc32(0, NULL, 0), (const Bytef *)room, member->size) ==
	       member->crc;
}

bool tm_zip_member(int fd, const char *name, size_t max, struct tm_buf *ret)
{
	struct archive zip;
	struct member member;

	return open_archive(&zip, fd) && find_member(&zip, name, &member) &&
	       !(member.flags & FLAG_ENCRYPTED) && member.size <= max &&
	       member.packed <= max + 4096 &&
	       (member.method == DEFLATED ||
		(member.method == STORED && member.packed == member.size)) &&
	       unpack(&zip, &member, ret);
}
