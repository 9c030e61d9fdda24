#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "base/guard.h"
#include "inject/private.h"
#include "inject/recorder_image.h"
#include "mem/scan.h"
#include "remote/map.h"
#include "remote/stray.h"
#include "target/limits.h"

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

/*
 * The size is set from here, where our limit of file sizes counts and not the
 * target's, which a call made in it would end by SIGXFSZ.
 */
static bool size_file(const struct tm_injection *in, uint64_t fd, uint64_t size,
		      int *ret_ours, struct tm_err *err)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)in->process.pid, (int)fd);
	*ret_ours = open(path, O_RDWR | O_CLOEXEC);
	if (*ret_ours < 0)
		return tm_process_explain(&in->process, errno,
					  "cannot open its file in memory", err);
	if (!tm_limit_file_size(size)) {
		tm_err_os(err, EFBIG, "tmattach", "it may not make a file of %" PRIu64
			  " KiB in memory (RLIMIT_FSIZE)", size >> 10);
		return tm_err_hint(err, "lift the limit where tmattach is started: ulimit -f unlimited");
	}
	return ftruncate(*ret_ours, (off_t)size) == 0 ||
	       tm_err_os(err, errno, in->process.object, "cannot size a file in memory");
}

/*
 * Where a process locks whatever it maps (mlockall), a mapping is filled at
 * once and counts as locked. So this one begins as a page, is unlocked, and
 * grows then: what is not locked is filled as it is used.
 */
static bool map_file(struct tm_remote *remote, const struct inject_mapping *what,
		     int64_t fd, tm_addr *ret_at, struct tm_err *err)
{
	const struct tm_remote_mapping page = {
		.at = what->at, .len = TM_PAGE, .prot = what->prot, .flags = what->flags,
		.fd = (int)fd,
	};
	uint64_t grow[6] = { 0, TM_PAGE, what->size, what->at ? 0 : MREMAP_MAYMOVE };
	int64_t grown;

	if (!tm_remote_map(remote, &page, &grow[0], err))
		return false;
	if (tm_remote_unlock(remote, grow[0], TM_PAGE, err) &&
	    tm_remote_call(remote, SYS_mremap, "map memory", grow, &grown, err)) {
		*ret_at = (tm_addr)grown;
		return true;
	}
	tm_remote_drop(remote, grow[0], TM_PAGE);
	return false;
}

/* Descriptors of such files, left by a start that was killed. */
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
			tm_remote_call(remote, SYS_close, "close a file", args,
				    &closed, &ignored);
	}
}

bool inject_map(struct tm_injection *in, struct tm_remote *remote,
		const struct inject_mapping *what, tm_addr scratch,
		tm_addr *ret_at, int *ret_fd, struct tm_err *err)
{
	const uint64_t create[6] = { scratch, MFD_CLOEXEC | MFD_ALLOW_SEALING };
	TM_GUARD(tm_fd_close) int ours = -1;
	uint64_t close_args[6] = { 0 };
	int64_t fd, closed;
	struct tm_err ignored;
	bool ok;

	close_stale(in, remote);
	if (!inject_poke(in, remote->host->tid, scratch, what->file_name,
			 strlen(what->file_name) + 1, err) ||
	    !tm_remote_call(remote, SYS_memfd_create, "create a file in memory",
			    create, &fd, err))
		return false;
	/* The descriptor in the target is ours until it is closed. */
	ok = size_file(in, (uint64_t)fd, what->size, &ours, err) &&
	     map_file(remote, what, fd, ret_at, err);
	close_args[0] = (uint64_t)fd;
	ok = tm_remote_call(remote, SYS_close, "close a file", close_args, &closed,
			    ok ? err : &ignored) && ok;
	if (!ok || !ret_fd)
		return ok;
	/* What cannot shrink can be read without fear, and is worth having
	 * after the target's end. */
	fcntl(ours, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	*ret_fd = tm_fd_take(&ours);
	return true;
}

static tm_addr code_size(void)
{
	return (tm_recorder_image_size + TM_PAGE - 1) / TM_PAGE * TM_PAGE;
}

static bool map_page(struct tm_remote *remote, tm_addr at, tm_addr *ret_at,
		     struct tm_err *err)
{
	const struct tm_remote_mapping page = {
		.at = at, .len = TM_PAGE, .prot = PROT_READ | PROT_WRITE,
		.flags = MAP_PRIVATE | MAP_ANONYMOUS | (at ? MAP_FIXED : 0),
	};

	return tm_remote_map(remote, &page, ret_at, err);
}

/* The first mapping has no page of ours to write its name to, but the frame;
 * without one a page is mapped for that, and must not be left. */
static bool map_first(struct tm_injection *in, struct tm_remote *remote,
		      const struct inject_mapping *what, struct tm_err *err)
{
	tm_addr scratch = remote->has_frame ? remote->way_back->frame.scratch : 0, page = 0;
	struct tm_err ignored;
	bool ok;

	if (!scratch && !map_page(remote, 0, &page, err))
		return false;
	ok = inject_map(in, remote, what, scratch ? scratch : page, &in->code, NULL, err);
	return tm_remote_unmap(remote, page, TM_PAGE, ok ? err : &ignored) && ok;
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
	if (!map_page(remote, in->code + code_size(), &in->head.gate, err))
		return false;
	advise[0] = in->head.gate;
	return tm_remote_call(remote, SYS_madvise, "mark memory as not inherited",
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
	enum { HEAD = 64 };

	return tm_mem_is_blank(in->mem, (struct tm_range){ at, at + HEAD });
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

static bool is_stray(void *ctx, const struct tm_maps *maps, size_t i, struct tm_range *ret)
{
	const struct tm_injection *in = ctx;
	tm_addr at = maps->regions[i].start;

	*ret = (struct tm_range){ at, end_of(maps, i) };
	return at != in->code && inject_is_ours(&maps->regions[i], "") &&
	       (head_knows(in, at) || was_never_used(in, at));
}

bool inject_unmap_strays(struct tm_injection *in, struct tm_remote *remote,
			 struct tm_err *err)
{
	enum { MAX_STRAYS = 64 };
	const struct tm_stray_kind kind = { is_stray, in };
	struct tm_range strays[MAX_STRAYS];
	size_t n = MAX_STRAYS;

	while (n == MAX_STRAYS) {
		TM_GUARD(tm_maps_free) struct tm_maps maps = { 0 };

		if (!tm_maps_read(in->process.pid, &maps, err))
			return false;
		n = tm_stray_find(&maps, &kind, strays, MAX_STRAYS);
		if (!tm_stray_unmap(remote, strays, n, err))
			return false;
	}
	return true;
}

/*
 * Only what is in its maps now: of what the head knows an attempt that was
 * killed may have unmapped some, and the target uses the place. The head comes
 * last: it is what a second attempt goes by.
 */
bool inject_unmap_all(struct tm_injection *in, struct tm_remote *remote,
		      struct tm_err *err)
{
	return inject_unmap_strays(in, remote, err) &&
	       tm_remote_unmap(remote, in->code, in->head.size, err);
}

bool inject_unmap_table(struct tm_injection *in, struct tm_remote *remote,
			struct tm_err *err)
{
	if (!tm_remote_unmap(remote, in->head.table, in->head.table_size, err))
		return false;
	in->head.table = in->head.table_size = 0;
	return true;
}

/* ---- places near something ----------------------------------------------------- */

/* The main stack grows into the gap below it, and the heap into the one above. */
static bool grows_down(const struct tm_region *region)
{
	return strcmp(region->path, "[stack]") == 0;
}

static bool grows_up(const struct tm_region *region)
{
	return strcmp(region->path, "[heap]") == 0;
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

static bool in_reach(tm_addr at, tm_addr near)
{
	return distance(at, near) < TM_NEAR_REACH;
}

/* The end of a gap, and some way further down in it: the kernel itself puts
 * new mappings at the end, such as the 128 MiB of another thread's malloc. */
static void add_gap(tm_addr lo, tm_addr hi, tm_addr near, tm_addr *places, size_t *n,
		    size_t max)
{
	const uint64_t size = INJECT_NEAR_SIZE + 2 * TM_PAGE;
	static const uint64_t down[] = { 0, 1 << 20, 64 << 20, 512 << 20 };

	for (size_t i = 0; i < sizeof(down) / sizeof(down[0]); i++) {
		tm_addr at = hi - size + TM_PAGE - down[i];

		if (hi - lo >= size + down[i] && in_reach(at, near))
			add_place(at, near, places, n, max);
	}
}

/* Libraries are below the gap that is left for the stack, and a large mapping
 * may be right below them. */
static void add_below_stack(tm_addr lo, tm_addr hi, tm_addr near, tm_addr *places,
			    size_t *n, size_t max)
{
	const uint64_t stack_room = 1ull << 30;
	const tm_addr at = lo + (1 << 20);

	if (hi - lo > stack_room && in_reach(at, near))
		add_place(at, near, places, n, max);
}

size_t inject_places(const struct tm_maps *maps, tm_addr near, tm_addr *ret,
		     size_t max)
{
	tm_addr lo = 1 << 16;
	size_t n = 0;

	memset(ret, 0, max * sizeof(*ret));
	for (size_t i = 0; i < maps->n; i++) {
		tm_addr hi = maps->regions[i].start;

		if (hi > lo && hi < TM_USER_END && !grows_down(&maps->regions[i]))
			add_gap(lo, hi, near, ret, &n, max);
		else if (hi > lo && hi < TM_USER_END && i > 0 &&
			 !grows_up(&maps->regions[i - 1]))
			add_below_stack(lo, hi, near, ret, &n, max);
		lo = maps->regions[i].end;
	}
	return n;
}
