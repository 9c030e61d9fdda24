#include "session/heirs.h"

#include "base/guard.h"
#include "inject/inject.h"
#include "session/subject.h"
#include "target/children.h"

enum { MAX_DESCENDANTS = 65536 };

/* False: something stays in it. */
static bool tidy(pid_t pid)
{
	struct tm_process process;
	struct tm_err err;
	bool left = false;

	/* One that ends meanwhile takes everything with it. */
	if (!tm_process_open(pid, &process, &err))
		return err.kind == TM_ERR_GONE;
	return (tm_inject_tidy(&process, &left, &err) || err.kind == TM_ERR_GONE) && !left;
}

void tm_tidy_heirs(const struct tm_session *session)
{
	TM_GUARD(tm_pids_free) struct tm_pids all = { 0 };
	size_t kept = 0;
	pid_t one = 0;

	tm_children_add(session->process.pid, &all);
	for (size_t i = 0; i < all.n && all.n < MAX_DESCENDANTS; i++) {
		tm_children_add(all.items[i], &all);
		if (!tm_inject_remains(all.items[i]) || tidy(all.items[i]))
			continue;
		one = all.items[i];
		kept++;
	}
	if (kept)
		tm_subject_note(session, "%zu processes that it has forked keep hooks that do "
				"nothing: `tmattach stop %d' tells why", kept, (int)one);
}
