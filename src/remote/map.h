/*
 * Mappings in a target, made and removed by a borrowed thread. What each
 * call can meet there is in call.h.
 */
#ifndef TM_REMOTE_MAP_H
#define TM_REMOTE_MAP_H

#include "remote/call.h"

struct tm_remote_mapping {
	tm_addr at;      /* 0: anywhere; else there or nowhere (TM_ERR_OS, EEXIST:
			    something is there), with MAP_FIXED in any case */
	uint64_t len;
	int prot, flags; /* of mmap */
	int fd;          /* in the target, unless the flags say MAP_ANONYMOUS */
};

bool tm_remote_map(struct tm_remote *remote, const struct tm_remote_mapping *what,
		   tm_addr *ret, struct tm_err *err) TM_MUST_CHECK;
/* Nothing to do if `at` or `len` is 0. */
bool tm_remote_unmap(struct tm_remote *remote, tm_addr at, uint64_t len,
		     struct tm_err *err) TM_MUST_CHECK;
/* The same where a failure changes nothing for the caller: it is logged. */
void tm_remote_drop(struct tm_remote *remote, tm_addr at, uint64_t len);
bool tm_remote_protect(struct tm_remote *remote, tm_addr at, uint64_t len, int prot,
		       struct tm_err *err) TM_MUST_CHECK;
/* Where the target locks whatever it maps (mlockall). */
bool tm_remote_unlock(struct tm_remote *remote, tm_addr at, uint64_t len,
		      struct tm_err *err) TM_MUST_CHECK;

#endif
