#include "remote/map.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "base/log.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

bool tm_remote_map(struct tm_remote *remote, const struct tm_remote_mapping *what,
		   tm_addr *ret, struct tm_err *err)
{
	int there = what->at && !(what->flags & MAP_FIXED) ? MAP_FIXED_NOREPLACE : 0;
	const uint64_t args[6] = {
		what->at, what->len, (uint64_t)what->prot, (uint64_t)(what->flags | there),
		what->flags & MAP_ANONYMOUS ? (uint64_t)-1 : (uint64_t)what->fd, 0,
	};
	int64_t got;

	if (!tm_remote_call(remote, SYS_mmap, "map memory", args, &got, err))
		return false;
	*ret = (tm_addr)got;
	if (!what->at || *ret == what->at)
		return true;
	/* Kernels before 4.17 treat the address as a hint. */
	tm_remote_drop(remote, *ret, what->len);
	return tm_err_os(err, EEXIST, remote->stop->process->object, "it may not map memory");
}

/* A call with an address and a length, whose result says nothing. */
static bool call(struct tm_remote *remote, long nr, const char *what, tm_addr at,
		 uint64_t len, int prot, struct tm_err *err)
{
	const uint64_t args[6] = { at, len, (uint64_t)prot };
	int64_t result;

	return tm_remote_call(remote, nr, what, args, &result, err);
}

bool tm_remote_unmap(struct tm_remote *remote, tm_addr at, uint64_t len, struct tm_err *err)
{
	return !at || !len || call(remote, SYS_munmap, "unmap memory", at, len, 0, err);
}

void tm_remote_drop(struct tm_remote *remote, tm_addr at, uint64_t len)
{
	struct tm_err err;

	if (!tm_remote_unmap(remote, at, len, &err))
		tm_log("remote: %s: %s", err.object, err.cause);
}

bool tm_remote_protect(struct tm_remote *remote, tm_addr at, uint64_t len, int prot,
		       struct tm_err *err)
{
	return call(remote, SYS_mprotect, "protect memory", at, len, prot, err);
}

bool tm_remote_unlock(struct tm_remote *remote, tm_addr at, uint64_t len, struct tm_err *err)
{
	return call(remote, SYS_munlock, "unlock memory", at, len, 0, err);
}
