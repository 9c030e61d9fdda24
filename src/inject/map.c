#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "base/guard.h"
#include "inject/private.h"
#include "inject/recorder_image.h"
#include "target/arch.h"

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

bool inject_begin(struct tm_injection *in, struct tm_stop *stop,
		  struct tm_remote *ret, struct tm_err *err)
{
	for (size_t i = 0; i < stop->n; i++) {
		struct user_regs_struct regs;
		uint64_t args[6];
		long nr;

		if (stop->threads[i].state == TM_THREAD_STOPPED &&
		    tm_regs_get(stop->threads[i].tid, &regs) &&
		    tm_regs_waiting(&regs, NULL, 0, &nr, args) &&
		    tm_remote_begin_on(stop, &stop->threads[i], in->insn, ret, err))
			return true;
	}
	return tm_remote_begin(stop, in->insn, ret, err);
}

bool inject_call(struct tm_injection *in, struct tm_remote *remote, long nr,
		 const char *name, const uint64_t args[6], int64_t *ret,
		 struct tm_err *err)
{
	if (!tm_remote_syscall(remote, nr, args, ret, NULL, err))
		return false;
	if (*ret < 0 && *ret > -4096)
		return tm_err_os(err, (int)-*ret, in->process.object,
				 "it may not %s", name);
	return true;
}

/* The descriptor in the target is ours from here on until it is closed. */
static bool use_file(struct tm_injection *in, struct tm_remote *remote,
		     const struct inject_mapping *what, uint64_t fd,
		     tm_addr *ret_at, int *ret_fd, struct tm_err *err)
{
	const uint64_t truncate[6] = { fd, what->size };
	const uint64_t map[6] = { what->at, what->size, (uint64_t)what->prot,
				  (uint64_t)what->flags |
				  (what->at ? MAP_FIXED_NOREPLACE : 0), fd, 0 };
	char path[64];
	int64_t got;

	if (!inject_call(in, remote, SYS_ftruncate, "size a file in memory",
			 truncate, &got, err) ||
	    !inject_call(in, remote, SYS_mmap, "map memory", map, &got, err))
		return false;
	*ret_at = (tm_addr)got;
	if (!ret_fd)
		return true;
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)in->process.pid, (int)fd);
	*ret_fd = open(path, O_RDWR | O_CLOEXEC);
	/* What cannot shrink can be read without fear, and is worth having
	 * after the target's end. */
	if (*ret_fd >= 0)
		fcntl(*ret_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	return true;
}

/* Descriptors of such files that a start has left that was killed. */
static void close_stale(struct tm_injection *in, struct tm_remote *remote)
{
	static const char ours[] = "/memfd:tmattach-";
	TM_GUARD(tm_dir_close) DIR *dir = NULL;
	struct dirent *entry;
	char path[64], name[sizeof(ours)];

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)in->process.pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		uint64_t args[6] = { strtoull(entry->d_name, NULL, 10) };
		struct tm_err ignored;
		int64_t closed;
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, name, sizeof(name));

		if (n == sizeof(name) && memcmp(name, ours, sizeof(ours) - 1) == 0)
			inject_call(in, remote, SYS_close, "close a file", args,
				    &closed, &ignored);
	}
}

bool inject_map(struct tm_injection *in, struct tm_remote *remote,
		const struct inject_mapping *what, tm_addr scratch,
		tm_addr *ret_at, int *ret_fd, struct tm_err *err)
{
	const uint64_t create[6] = { scratch, MFD_CLOEXEC | MFD_ALLOW_SEALING };
	uint64_t close_args[6] = { 0 }, unmap[6] = { 0, what->size };
	int64_t fd, closed;
	struct tm_err ignored;
	bool ok;

	close_stale(in, remote);
	if (!inject_poke(in, remote->host->tid, scratch, what->file_name,
			 strlen(what->file_name) + 1, err) ||
	    !inject_call(in, remote, SYS_memfd_create, "create a file in memory",
			 create, &fd, err))
		return false;
	ok = use_file(in, remote, what, (uint64_t)fd, ret_at, ret_fd, err);
	close_args[0] = (uint64_t)fd;
	ok = inject_call(in, remote, SYS_close, "close a file", close_args, &closed,
			 ok ? err : &ignored) && ok;
	if (!ok || !what->at || *ret_at == what->at)
		return ok;
	/* Kernels before 4.17 take the address as a wish. */
	unmap[0] = *ret_at;
	inject_call(in, remote, SYS_munmap, "unmap memory", unmap, &closed, &ignored);
	return tm_err_os(err, EEXIST, in->process.object, "it may not map memory");
}

static tm_addr code_size(void)
{
	return (tm_recorder_image_size + TM_PAGE - 1) / TM_PAGE * TM_PAGE;
}

static bool map_page(struct tm_injection *in, struct tm_remote *remote, tm_addr at,
		     tm_addr *ret_at, struct tm_err *err)
{
	const uint64_t args[6] = { at, TM_PAGE, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | (at ? MAP_FIXED : 0),
				   (uint64_t)-1, 0 };
	int64_t got;

	if (!inject_call(in, remote, SYS_mmap, "map memory", args, &got, err))
		return false;
	*ret_at = (tm_addr)got;
	return true;
}

static bool unmap(struct tm_injection *in, struct tm_remote *remote, tm_addr at,
		  uint64_t size, struct tm_err *err)
{
	const uint64_t args[6] = { at, size };
	int64_t got;

	return !at || !size ||
	       inject_call(in, remote, SYS_munmap, "unmap memory", args, &got, err);
}

/* The first mapping has no page of ours to write its name to, but the frame;
 * without one a page is mapped for that, and must not be left. */
static bool map_first(struct tm_injection *in, struct tm_remote *remote,
		      const struct inject_mapping *what, struct tm_err *err)
{
	tm_addr scratch = remote->has_frame ? remote->frame.scratch : 0, page = 0;
	struct tm_err ignored;
	bool ok;

	if (!scratch && !map_page(in, remote, 0, &page, err))
		return false;
	ok = inject_map(in, remote, what, scratch ? scratch : page, &in->code, NULL, err);
	return unmap(in, remote, page, TM_PAGE, ok ? err : &ignored) && ok;
}

/*
 * The mapping has a name to be found by, should we be killed before the head
 * is written; the gate, which has none, takes its last page's place.
 */
bool inject_map_code(struct tm_injection *in, struct tm_remote *remote,
		     struct tm_err *err)
{
	const struct inject_mapping what = {
		.file_name = TM_RECORDER_CODE_NAME,
		.size = code_size() + TM_PAGE,
		.prot = PROT_READ | PROT_EXEC,
		.flags = MAP_PRIVATE,
	};
	uint64_t advise[6] = { 0, TM_PAGE, MADV_WIPEONFORK };
	int64_t got;

	if (!map_first(in, remote, &what, err))
		return false;
	in->head.size = what.size;
	if (!map_page(in, remote, in->code + code_size(), &in->head.gate, err))
		return false;
	advise[0] = in->head.gate;
	return inject_call(in, remote, SYS_madvise, "mark memory as not inherited",
			   advise, &got, err);
}

/* ---- and away again ----------------------------------------------------------- */

static bool head_knows(const struct tm_injection *in, tm_addr at)
{
	const struct tm_recorder_code *head = &in->head;

	for (uint32_t i = 0; i < head->nnear && i < TM_RECORDER_MAX_NEAR; i++)
		if (at - head->near[i].address < head->near[i].size)
			return true;
	return head->table && at - head->table < head->table_size;
}

/* Whatever has ever been used begins with a head. */
static bool was_never_used(const struct tm_injection *in, tm_addr at)
{
	static const char blank[64];
	char bytes[sizeof(blank)];

	return tm_mem_read_some(in->mem, at, bytes, sizeof(bytes)) == sizeof(bytes) &&
	       memcmp(bytes, blank, sizeof(blank)) == 0;
}

/* Where it ends, and the gate where that is in its place. */
static tm_addr end_of(const struct tm_maps *maps, size_t i)
{
	const struct tm_region *region = &maps->regions[i], *next = region + 1;

	if (inject_is_ours(region, TM_RECORDER_CODE_NAME) &&
	    region->end - region->start == code_size() && i + 1 < maps->n &&
	    next->start == region->end && next->writable && !next->inode)
		return region->end + TM_PAGE;
	return region->end;
}

bool inject_unmap_strays(struct tm_injection *in, struct tm_remote *remote,
			 struct tm_err *err)
{
	TM_GUARD(tm_maps_free) struct tm_maps maps = { 0 };

	if (!tm_maps_read(in->process.pid, &maps, err))
		return false;
	for (size_t i = 0; i < maps.n; i++) {
		tm_addr at = maps.regions[i].start;

		if (at != in->code && inject_is_ours(&maps.regions[i], "") &&
		    (head_knows(in, at) || was_never_used(in, at)) &&
		    !unmap(in, remote, at, end_of(&maps, i) - at, err))
			return false;
	}
	return true;
}

/*
 * Only what stands in its maps now: of what the head knows an attempt that was
 * killed may have unmapped some, and the target uses the place. The head comes
 * last: it is what a second attempt goes by.
 */
bool inject_unmap_all(struct tm_injection *in, struct tm_remote *remote,
		      struct tm_err *err)
{
	return inject_unmap_strays(in, remote, err) &&
	       unmap(in, remote, in->code, in->head.size, err);
}

/* ---- places near something ----------------------------------------------------- */

/* Not where the heap or the main stack would grow. */
static bool usable_gap(const struct tm_maps *maps, size_t i)
{
	return i == maps->n || strcmp(maps->regions[i].path, "[stack]") != 0;
}

static uint64_t distance(tm_addr a, tm_addr b)
{
	return a > b ? a - b : b - a;
}

static void add_place(tm_addr at, tm_addr near, tm_addr *places, size_t *n,
		      size_t max)
{
	size_t i = *n < max ? (*n)++ : max - 1;

	if (i == max - 1 && *n == max && places[i] &&
	    distance(places[i], near) <= distance(at, near))
		return;
	for (; i > 0 && distance(places[i - 1], near) > distance(at, near); i--)
		places[i] = places[i - 1];
	places[i] = at;
}

/* The end of a gap, and some way further down in it: the kernel itself puts
 * new mappings at the end. */
static void add_gap(tm_addr lo, tm_addr hi, tm_addr near, tm_addr *places, size_t *n,
		    size_t max)
{
	/* What moved instructions refer to may be some way off the function. */
	const uint64_t reach = (1ull << 31) - (256ull << 20);
	const uint64_t size = INJECT_NEAR_SIZE + 2 * TM_PAGE;
	static const uint64_t down[] = { 0, 1 << 20, 64 << 20 };

	for (size_t i = 0; i < sizeof(down) / sizeof(down[0]); i++) {
		tm_addr at = hi - size + TM_PAGE - down[i];

		if (hi - lo >= size + down[i] && distance(at, near) < reach)
			add_place(at, near, places, n, max);
	}
}

size_t inject_places(const struct tm_maps *maps, tm_addr near, tm_addr *ret,
		     size_t max)
{
	tm_addr lo = 1 << 16;
	size_t n = 0;

	memset(ret, 0, max * sizeof(*ret));
	for (size_t i = 0; i < maps->n; i++) {
		tm_addr hi = maps->regions[i].start;

		if (hi > lo && hi < 1ull << 47 && usable_gap(maps, i))
			add_gap(lo, hi, near, ret, &n, max);
		lo = maps->regions[i].end;
	}
	return n;
}
