#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "inject/private.h"
#include "mem/poke.h"
#include "target/limits.h"

bool inject_poke(struct tm_injection *in, pid_t tid, tm_addr at,
		 const void *bytes, size_t len, struct tm_err *err)
{
	if (tm_poke(in->mem_fd, tid, at, bytes, len))
		return true;
	return tm_process_explain(&in->process, errno, "cannot write its memory", err);
}

bool inject_poke_table(struct tm_injection *in, uint64_t offset,
		       const void *bytes, size_t len, struct tm_err *err)
{
	if (offset > in->head.table_size || len > in->head.table_size - offset)
		return tm_err_set(err, TM_ERR_LIMIT, in->process.object,
				  "the recorder's table is full");
	if (in->table_fd >= 0 && tm_limit_file_size(offset + len) &&
	    tm_poke_file(in->table_fd, offset, bytes, len))
		return true;
	return inject_poke(in, 0, in->head.table + offset, bytes, len, err);
}

bool inject_peek_table(struct tm_injection *in, uint64_t offset, void *bytes,
		       size_t len, struct tm_err *err)
{
	return tm_mem_read(in->table_mem, in->head.table + offset, bytes, len, err);
}

struct mem_file {
	struct tm_mem mem;
	int fd;
	tm_addr base;
};

static size_t file_read(struct tm_mem *mem, tm_addr at, void *buf, size_t len)
{
	const struct mem_file *file = (struct mem_file *)mem;

	return at >= file->base ? tm_mem_pread(file->fd, buf, len, at - file->base) : 0;
}

static void file_destroy(struct tm_mem *mem)
{
	free(mem);
}

static const struct tm_mem_ops file_ops = {
	.read = file_read,
	.destroy = file_destroy,
};

struct tm_mem *inject_mem_file(int fd, tm_addr base)
{
	struct mem_file *file = tm_calloc(1, sizeof(*file));

	file->mem.ops = &file_ops;
	file->fd = fd;
	file->base = base;
	return &file->mem;
}
