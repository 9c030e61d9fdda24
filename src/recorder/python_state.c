/* Where a thread of CPython has its state, without a call of anything. */
#include "recorder.h"

/* Where the word is; 0: nowhere yet. */
static uint64_t access_base(const struct tm_recorder_py_access *access)
{
	switch ((enum tm_recorder_py_access_kind)access->kind) {
	case TM_PY_OF_THREAD:
		return cpu_thread_pointer();
	case TM_PY_TLS_BLOCK:
		return cpu_tls_block(access->module);
	case TM_PY_TLS_MUSL:
		return cpu_tls_block_musl(access->module);
	case TM_PY_POINTED:
		return *(const uint64_t *)(cpu_thread_pointer() + access->module);
	case TM_PY_NOWHERE:
	case TM_PY_GLOBAL:
	default:
		return 0;
	}
}

static uint64_t access_read(const struct tm_recorder_py_access *access)
{
	const uint64_t base = access_base(access);

	return base || access->kind == TM_PY_GLOBAL
		? *(const volatile uint64_t *)(base + access->at) : 0;
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
