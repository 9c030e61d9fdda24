/* Where a thread of CPython has its state, without a call of anything. */
#include "recorder.h"

static uint64_t access_read(const struct tm_recorder_py_access *access)
{
	uint64_t at = access->at;

	switch ((enum tm_recorder_py_access_kind)access->kind) {
	case TM_PY_NOWHERE:
		return 0;
	case TM_PY_GLOBAL:
		break;
	case TM_PY_OF_THREAD:
		at += cpu_thread_pointer();
		break;
	case TM_PY_TLS_BLOCK:
		if (!cpu_tls_block(access->module))
			return 0;
		at += cpu_tls_block(access->module);
		break;
	}
	return *(const volatile uint64_t *)at;
}

static bool state_is_own(uint64_t state)
{
	return state && state % 8 == 0 &&
	       *(const uint64_t *)(state + table()->python.thread_id) ==
		       cpu_thread_pointer();
}

/* CPython writes it in each thread for itself. In 3.12 the id is that of the thread
 * that made the state, which for another interpreter's may be another. */
static bool state_is_attached(const struct tm_recorder_python *p, uint64_t state)
{
	return p->attached.kind == TM_PY_GLOBAL ? state_is_own(state) : state && state % 8 == 0;
}

/* What stands in a global word is another thread's, and may be gone, unless this one
 * holds the GIL. */
uint64_t python_state(enum tm_recorder_py_domain domain)
{
	const struct tm_recorder_python *p = &table()->python;
	uint64_t state = 0;

	if (domain == TM_PY_MEM || domain == TM_PY_OBJ || p->attached.kind != TM_PY_GLOBAL)
		state = access_read(&p->attached);
	if (state_is_attached(p, state))
		return state;
	state = access_read(&p->known);
	return state_is_own(state) ? state : 0;
}
