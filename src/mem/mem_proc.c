#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "mem/mem.h"

struct mem_proc {
	struct tm_mem mem;
	int fd;
};

static size_t proc_read(struct tm_mem *mem, tm_addr at, void *buf, size_t len)
{
	return tm_mem_pread(((struct mem_proc *)mem)->fd, buf, len, at);
}

static void proc_destroy(struct tm_mem *mem)
{
	struct mem_proc *proc = (struct mem_proc *)mem;

	close(proc->fd);
	free(proc);
}

static const struct tm_mem_ops proc_ops = {
	.read = proc_read,
	.destroy = proc_destroy,
};

struct tm_mem *tm_mem_proc(pid_t pid, struct tm_err *err)
{
	struct mem_proc *proc;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		tm_err_os(err, errno, "", "cannot open %s", path);
		return NULL;
	}
	proc = tm_calloc(1, sizeof(*proc));
	proc->mem.ops = &proc_ops;
	proc->fd = fd;
	return &proc->mem;
}
