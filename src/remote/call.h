/*
 * System calls in a target that are expected to succeed, and what each of them
 * can meet there. If you have a target execute another one, add it here.
 *
 *	call, and who makes it      what it can meet        and what happens then
 *	--------------------------  ----------------------  ------------------------------
 *	any                         a seccomp filter        suspended; where we may not:
 *	                                                    refused, CAP_SYS_ADMIN named
 *	                            SIGSTOP, job control    made all the same, it stays so
 *	                            a frozen cgroup, vfork  no thread stops: refused as busy
 *	                            execve() that waits     refused as busy: another program
 *	                                                    is about to have its number
 *	                            RLIMIT_CPU, its timers  their signals are blocked until
 *	                                                    the thread has its own mask back
 *	                            RLIMIT_STACK            no way back without us is laid
 *	                                                    out (remote.h), else the same
 *	clone, frozen copy          RLIMIT_NPROC, pids.max  read while stopped; --freeze is
 *	                            overcommit_memory=2     refused, --no-fork named
 *	                            memory of its cgroup    not tried near the limit
 *	                            mlockall                a copy has nothing locked
 *	prctl, wait4, exit: copy    nothing
 *	memfd_create, recorder      RLIMIT_NOFILE           refused, prlimit command named
 *	                            vm.memfd_noexec         mapped executable all the same
 *	ftruncate, recorder         RLIMIT_FSIZE: SIGXFSZ   never made in the target: we size
 *	                                                    the file, by our own limit; a
 *	                                                    smaller table, or refused
 *	mmap, mremap, recorder      RLIMIT_AS               a smaller table, or refused,
 *	                                                    prlimit command named
 *	                            RLIMIT_DATA             of two single pages: refused
 *	                            vm.max_map_count        refused, sysctl named
 *	                            mlockall(MCL_FUTURE)    mapped as one page, unlocked,
 *	                                                    grown: nothing is filled
 *	                            RLIMIT_MEMLOCK          of that page: refused, prlimit
 *	                                                    command named
 *	munlock, munmap, close      nothing
 *	madvise, recorder           Linux before 4.14       refused (MADV_WIPEONFORK)
 *	MADV_REMOVE, `clear` and    mlockall, made later    unlocked first; where we have
 *	after a look at the table                           the file, made from outside
 *	mmap, mprotect, control     RLIMIT_AS, RLIMIT_DATA  refused, prlimit command named
 *	                            mlockall(MCL_FUTURE)    unlocked, so as not to be filled
 *	                            RLIMIT_MEMLOCK          refused, prlimit command named
 *	mmap, mprotect, run         RLIMIT_AS, RLIMIT_DATA  its end is not held: said when it
 *	                                                    begins, prlimit command named
 *	                            mlockall(MCL_FUTURE)    two pages are filled
 *	gettid, tgkill, kill, run:  a seccomp filter        as ours: harmless; any other:
 *	rt_sigprocmask, nanosleep                           not made
 *	                            RLIMIT_SIGPENDING       not for such a signal
 *	pthread_create, control     RLIMIT_NPROC, pids.max  refused; the stack is ours
 *	rt_sigreturn: the way back  nothing
 *	getpid (launch: in the      nothing
 *	loader, at the door)
 *
 * What the kernel fills for the recorder's table later on, page by page, counts
 * for the target's memory cgroup; of what changes while it is read no more is noted down
 * there than half of what that has left. A target that calls mlockall(MCL_CURRENT)
 * while it is recorded has all of the table filled: where an image imports that
 * function the table is a small one.
 */
#ifndef TM_REMOTE_CALL_H
#define TM_REMOTE_CALL_H

#include "remote/remote.h"

/*
 * tm_remote_syscall() of which the result must be none of the error codes.
 * The error says that the target "may not" do `what`, which limit that was,
 * and how to lift it.
 */
bool tm_remote_call(struct tm_remote *remote, long nr, const char *what,
		    const uint64_t args[6], int64_t *ret, struct tm_err *err);

#endif
