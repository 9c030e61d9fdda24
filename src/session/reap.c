#include "session/reap.h"

#include "base/clock.h"
#include "base/guard.h"
#include "remote/freeze.h"
#include "target/stop.h"

enum { TRIES = 20, LONGEST_MS = 50 };

static bool try_to_reap(struct tm_session *session, bool *ret_done, uint64_t *paused_ns)
{
	TM_GUARD(tm_stop_guard) struct tm_stop held = { 0 };
	struct tm_err err;

	if (!tm_stop_all(&session->process, TM_STOP_DEADLINE_MS, &held, &err))
		return false;
	*ret_done = tm_freeze_reap(&held, session->syscall_insn, &err);
	*paused_ns += tm_stop_release(&held);
	return true;
}

uint64_t tm_reap(struct tm_session *session)
{
	uint64_t paused_ns = 0, wait_ns = TM_NS_PER_MS;
	bool done = false;

	for (int i = 0; i < TRIES; i++) {
		if (!try_to_reap(session, &done, &paused_ns) || done)
			return paused_ns;
		tm_sleep_ns(wait_ns);
		wait_ns *= 2;
		if (wait_ns > LONGEST_MS * TM_NS_PER_MS)
			wait_ns = LONGEST_MS * TM_NS_PER_MS;
	}
	tm_subject_note(session, "a dead copy remains as a zombie until the next attach");
	return paused_ns;
}

uint64_t tm_reap_stale(struct tm_session *session)
{
	struct tm_err ignored;

	return !session->core && tm_freeze_has_stale(session->process.pid) &&
	       tm_subject_insn(session, &ignored) ? tm_reap(session) : 0;
}
