#include "mem/mem.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

static bool fault(struct tm_err *err, tm_addr at, size_t len)
{
	tm_err_set(err, TM_ERR_FAULT, "memory",
		   "cannot read %zu bytes at 0x%" PRIx64, len, at);
	return false;
}

size_t tm_mem_pread(int fd, void *buf, size_t len, uint64_t offset)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = pread(fd, (char *)buf + got, len - got,
				  (off_t)(offset + got));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		got += (size_t)n;
	}
	return got;
}

void tm_mem_destroy(struct tm_mem *mem)
{
	if (mem)
		mem->ops->destroy(mem);
}

void tm_mem_guard(struct tm_mem **mem)
{
	tm_mem_destroy(*mem);
}

size_t tm_mem_read_some(struct tm_mem *mem, tm_addr at, void *buf, size_t len)
{
	if (at + len < at)
		len = (size_t)(UINT64_MAX - at);
	return mem->ops->read(mem, at, buf, len);
}

bool tm_mem_read(struct tm_mem *mem, tm_addr at, void *buf, size_t len,
		 struct tm_err *err)
{
	if (len == 0 || tm_mem_read_some(mem, at, buf, len) == len)
		return true;
	return fault(err, at, len);
}

bool tm_mem_u64(struct tm_mem *mem, tm_addr at, uint64_t *ret,
		struct tm_err *err)
{
	return tm_mem_read(mem, at, ret, sizeof(*ret), err);
}

bool tm_mem_u32(struct tm_mem *mem, tm_addr at, uint32_t *ret,
		struct tm_err *err)
{
	return tm_mem_read(mem, at, ret, sizeof(*ret), err);
}

bool tm_mem_cstr(struct tm_mem *mem, tm_addr at, char *buf, size_t size,
		 struct tm_err *err)
{
	size_t got = 0;

	while (got < size) {
		size_t piece = TM_PAGE - (size_t)((at + got) % TM_PAGE);

		if (piece > size - got)
			piece = size - got;
		if (tm_mem_read_some(mem, at + got, buf + got, piece) != piece)
			return fault(err, at + got, piece);
		if (memchr(buf + got, '\0', piece))
			return true;
		got += piece;
	}
	tm_err_set(err, TM_ERR_CORRUPT, "memory",
		   "the string at 0x%" PRIx64 " does not end within %zu bytes",
		   at, size);
	return false;
}
