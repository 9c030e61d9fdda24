#include "inject/detour.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "base/guard.h"
#include "inject/private.h"
#include "mem/poke.h"
#include "remote/map.h"

tm_addr tm_detour_follow(struct tm_mem *mem, tm_addr function, uint64_t size)
{
	enum { SHORT = 64 };
	uint8_t bytes[SHORT];

	if (size > SHORT || tm_mem_read_some(mem, function, bytes, size) != size)
		return function;
	return tm_code_hands_on(bytes, size, function);
}

/* ---- the pages ----------------------------------------------------------------- */

/* Executable at once and never writable: where a process may not make its
 * memory executable later on, this is allowed. */
static bool map_at(struct tm_remote *remote, tm_addr at, tm_addr *ret, struct tm_err *err)
{
	const struct tm_remote_mapping pages = {
		.at = at, .len = 2 * TM_PAGE, .prot = PROT_READ | PROT_EXEC,
		.flags = MAP_PRIVATE | MAP_ANONYMOUS,
	};

	if (!tm_remote_map(remote, &pages, ret, err))
		return false;
	if (tm_remote_protect(remote, *ret, TM_PAGE, PROT_READ | PROT_WRITE, err))
		return true;
	tm_remote_drop(remote, *ret, pages.len);
	return false;
}

static bool map_near(struct tm_remote *remote, const struct tm_maps *maps, tm_addr near,
		     tm_addr *ret, struct tm_err *err)
{
	enum { PLACES = 16 };
	tm_addr places[PLACES];
	size_t n = inject_places(maps, near, places, PLACES);

	for (size_t i = 0; i < n; i++) {
		if (map_at(remote, places[i], ret, err))
			return true;
		if (err->kind != TM_ERR_OS || err->sys_errno != EEXIST)
			return false;
	}
	return tm_err_set(err, TM_ERR_LIMIT, remote->stop->process->object,
			  "there is no free address near enough to its code");
}

bool tm_detour_map(const struct tm_process *process, struct tm_mem *mem,
		   const struct tm_maps *maps, tm_addr near, tm_addr *ret,
		   struct tm_err *err)
{
	TM_GUARD(tm_stop_guard) struct tm_stop stop = { 0 };
	struct tm_remote remote = { 0 };
	struct tm_remote_code insn;
	bool ok;

	if (!tm_remote_find_insn(mem, maps, &insn, err) ||
	    !tm_stop_all(process, TM_STOP_DEADLINE_MS, &stop, err))
		return false;
	ok = tm_remote_begin(&stop, insn, &remote, err) &&
	     map_near(&remote, maps, near, ret, err);
	tm_remote_end(&remote);
	return ok;
}

/* ---- what is in them, and the way there -------------------------------------------- */

bool tm_detour_write(const struct tm_process *process, tm_addr at, const void *bytes,
		     size_t len, struct tm_err *err)
{
	return tm_poke_once(process->pid, process->held, at, bytes, len) ||
	       tm_process_explain(process, errno, "cannot write its memory", err);
}

const char *tm_detour_make(struct tm_mem *mem, tm_addr function, uint64_t size,
			   tm_addr to, struct tm_trampoline *ret)
{
	enum { ENOUGH = 4096, PADDED = 16 };
	uint8_t bytes[ENOUGH];
	size_t len = size && size < ENOUGH ? size : ENOUGH;

	/* What follows a short one, up to the next. */
	len = tm_mem_read_some(mem, function, bytes, len < PADDED ? PADDED : len);
	return tm_trampoline_make(bytes, len, function, to, ret);
}

/* A word is in one page wherever functions are aligned. */
bool tm_detour_set(const struct tm_process *process, struct tm_mem *mem,
		   tm_addr function, tm_addr to, struct tm_err *err)
{
	uint8_t jump[TM_JUMP_SIZE];
	uint64_t word;

	if (function % TM_PAGE > TM_PAGE - sizeof(word) || !tm_jump_make(function, to, jump))
		return tm_err_set(err, TM_ERR_UNSUPPORTED, process->object,
				  "the function at 0x%llx is where no jump can be written",
				  (unsigned long long)function);
	if (!tm_mem_u64(mem, function, &word, err))
		return false;
	memcpy(&word, jump, sizeof(jump));
	return tm_poke_word(process->held, function, word) ||
	       tm_process_explain(process, errno, "cannot write its code", err);
}
