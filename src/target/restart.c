#include "target/restart.h"

#include "arch/arch.h"
#include "target/process.h"

static bool signal_pending(pid_t pid, pid_t tid)
{
	uint64_t own = 0, shared = 0, blocked = 0;

	if (!tm_process_status_u64(pid, tid, "SigPnd", 16, &own) ||
	    !tm_process_status_u64(pid, tid, "ShdPnd", 16, &shared) ||
	    !tm_process_status_u64(pid, tid, "SigBlk", 16, &blocked))
		return true;
	return ((own | shared) & ~blocked) != 0;
}

void tm_restart_call(pid_t pid, pid_t tid)
{
	struct tm_regs regs;

	if (!tm_regs_get(tid, &regs) || !tm_regs_eintr(&regs) ||
	    signal_pending(pid, tid))
		return;
	tm_regs_again(&regs);
	tm_regs_set(tid, &regs);
}
