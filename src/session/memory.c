#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "py/arenas.h"
#include "session/attach.h"

/* KiB of /proc/PID/status. */
static uint64_t status_bytes(const struct tm_session *session, const char *key)
{
	pid_t pid = session->process.pid;
	uint64_t kib = 0;

	tm_process_status_u64(pid, pid, key, 10, &kib);
	return kib * 1024;
}

/* The resident bytes of [start, end): bit 63 of a page's word is "present". */
static bool resident(int pagemap, tm_addr start, tm_addr end, uint64_t *sum)
{
	enum { WORDS = 512 };
	uint64_t words[WORDS], page = start / TM_PAGE, last = end / TM_PAGE;

	while (page < last) {
		size_t n = last - page < WORDS ? (size_t)(last - page) : WORDS;
		ssize_t got = pread(pagemap, words, n * 8, (off_t)(page * 8));

		if (got < 8)
			return false;
		for (size_t i = 0; i < (size_t)got / 8; i++)
			*sum += words[i] >> 63 ? TM_PAGE : 0;
		page += (size_t)got / 8;
	}
	return true;
}

static bool add_arenas(const struct tm_session *session,
		       const struct py_arenas *arenas, struct tm_memory *ret)
{
	TM_GUARD(tm_fd_close) int pagemap = -1;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/pagemap", (int)session->process.pid);
	pagemap = open(path, O_RDONLY | O_CLOEXEC);
	for (size_t i = 0; i < arenas->n; i++) {
		const struct py_arena *arena = &arenas->items[i];

		if (!resident(pagemap, arena->address,
			      arena->address + arena->size, &ret->arenas))
			return false;
		ret->arenas_free += arena->free_bytes;
		ret->arenas_used += arena->size - arena->free_bytes;
	}
	return true;
}

bool tm_session_memory(struct tm_session *session, struct tm_memory *ret,
		       struct tm_err *err)
{
	TM_GUARD(tm_maps_free) struct tm_maps maps = { 0 };
	TM_GUARD(py_arenas_free) struct py_arenas arenas = { 0 };

	*ret = (struct tm_memory){ 0 };
	if (!tm_process_check(&session->process, err))
		return false;
	if (!tm_maps_read(session->process.pid, &maps, err))
		return tm_attach_explain(session, err);
	ret->anonymous = status_bytes(session, "RssAnon");
	ret->file_maps = status_bytes(session, "RssFile") +
			 status_bytes(session, "RssShmem");
	ret->rss = ret->anonymous + ret->file_maps;
	/* A native program has no layout of Python's arenas. */
	if (session->runtime.layout &&
	    py_arenas_read(session->mem, &maps, &session->runtime, &arenas))
		ret->has_arenas = add_arenas(session, &arenas, ret) &&
				  ret->arenas <= ret->anonymous;
	return true;
}
