/*
 * Memory: bytes at an address, from any source (a live process, a frozen
 * copy, a core file, pages in a test). Walkers see only this.
 */
#ifndef TM_MEM_MEM_H
#define TM_MEM_MEM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tmattach/err.h"

/* An address in a target: never a pointer, so nothing can dereference it. */
typedef uint64_t tm_addr;

enum { TM_PAGE = 4096 };

struct tm_mem;

struct tm_mem_ops {
	/* Copy up to len bytes from `at`; returns how many leading bytes
	 * could be read (0: none). */
	size_t (*read)(struct tm_mem *mem, tm_addr at, void *buf, size_t len);
	void (*destroy)(struct tm_mem *mem);
};

struct tm_mem {
	const struct tm_mem_ops *ops;
};

/*
 * /proc/PID/mem of a live process or a frozen copy. Not process_vm_readv():
 * that pins pages and so breaks copy-on-write sharing with fork
 * relatives (Linux 5.19+). Fails with the reason why it cannot be opened.
 */
struct tm_mem *tm_mem_proc(pid_t pid, struct tm_err *err) TM_MUST_CHECK;

/* One range of local bytes that appears at `base`: for tests and fuzzing. The
 * bytes are borrowed. */
struct tm_mem *tm_mem_bytes(tm_addr base, const void *bytes, size_t len);

/* What a `read` of the ops does that is based on a file: as many leading bytes
 * as there are at `offset`, interrupted or not. */
size_t tm_mem_pread(int fd, void *buf, size_t len, uint64_t offset);

void tm_mem_destroy(struct tm_mem *mem); /* NULL is fine; works as a guard */
void tm_mem_guard(struct tm_mem **mem);

/* How many leading bytes were read; for callers that can use a part. */
size_t tm_mem_read_some(struct tm_mem *mem, tm_addr at, void *buf, size_t len);
/* All or nothing: TM_ERR_FAULT with the address. */
bool tm_mem_read(struct tm_mem *mem, tm_addr at, void *buf, size_t len,
		 struct tm_err *err) TM_MUST_CHECK;
bool tm_mem_u64(struct tm_mem *mem, tm_addr at, uint64_t *ret,
		struct tm_err *err) TM_MUST_CHECK;
bool tm_mem_u32(struct tm_mem *mem, tm_addr at, uint32_t *ret,
		struct tm_err *err) TM_MUST_CHECK;
/*
 * A NUL-terminated string of at most size - 1 bytes into buf. Never reads a
 * page after the one where the string ends. False if it is longer or faults.
 */
bool tm_mem_cstr(struct tm_mem *mem, tm_addr at, char *buf, size_t size,
		 struct tm_err *err) TM_MUST_CHECK;

#endif
