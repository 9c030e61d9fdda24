/*
 * Taking back the word that mostly holds 0 (TM_PY_TRACER): CPython looks whether there is
 * a function in it before it calls what is there. A thread that has looked and not yet
 * called would call what is not there, so the 0 is written while no thread can be
 * between the two. All that is done there is to load the word: once, into the register that
 * is called, or once more, from where the code ahead says.
 */
#include "arch/arch.h"
#include "base/guard.h"
#include "base/log.h"
#include "inject/private.h"
#include "inject/words.h"
#include "remote/quiet.h"

enum { AHEAD = 96, LOCALS = 512, RED_ZONE = 128, SAVED = 24 };

struct window {
	struct tm_injection *in;
	const struct tm_recorder_py_word *word;
	struct tm_regs regs;
};

/* A register has what was loaded, or where to load it from. */
static bool register_has(const struct window *w)
{
	const int npc = TM_UNWIND_REGS - 1;
	uint64_t value;

	for (int i = 0; i < npc; i++)
		if (tm_regs_dwarf(&w->regs, i, &value) &&
		    (value == w->word->ours || value == w->word->address))
			return true;
	return false;
}

/* The same among a function's variables: compiled without optimization. */
static bool variable_has(const struct window *w)
{
	uint64_t words[(RED_ZONE + LOCALS) / 8];
	size_t n = tm_mem_read_some(w->in->mem, (tm_regs_sp(&w->regs) & ~(tm_addr)7) - RED_ZONE,
				    words, sizeof(words)) / 8;

	for (size_t i = 0; i < n; i++)
		if (words[i] == w->word->ours || words[i] == w->word->address)
			return true;
	return false;
}

/* The address as such, or so far from what a register holds. */
static bool means_word(const struct window *w, const unsigned char *operand, tm_addr at)
{
	const int npc = TM_UNWIND_REGS - 1;
	uint64_t meanings[TM_OPERAND_MEANINGS], value;

	tm_code_meanings(operand, at, meanings);
	for (size_t i = 0; i < TM_OPERAND_MEANINGS; i++)
		if (meanings[i] == w->word->address)
			return true;
	for (int i = 0; i < npc; i++)
		if (tm_regs_dwarf(&w->regs, i, &value) &&
		    value + (uint64_t)(int64_t)(int32_t)meanings[1] == w->word->address)
			return true;
	return false;
}

/* May it load the word soon? Then it may have looked at it. */
static bool code_may_load(const struct window *w)
{
	unsigned char code[AHEAD];
	tm_addr pc = tm_regs_pc(&w->regs);
	size_t n = tm_mem_read_some(w->in->mem, pc, code, sizeof(code));

	for (size_t i = 0; i + TM_OPERAND_LEN <= n; i++)
		if (means_word(w, code + i, pc + i))
			return true;
	return n == 0;
}

/* Is words[0] a register of what a signal has interrupted? The program counter is behind
 * it then. */
static bool is_saved(const uint64_t *words, size_t left)
{
	for (size_t i = 1; i < SAVED && i < left; i++)
		if (tm_sigframe_is_pc(words + i, left - i))
			return true;
	return false;
}

static size_t pass(void *ctx, const uint64_t *words, size_t left, tm_addr at)
{
	(void)ctx, (void)at;
	return !is_saved(words, left);
}

/* Anywhere else it is what a function has left, or a variable. */
static bool signal_has(const struct window *w, const struct tm_standing *standing)
{
	const struct tm_range hook = { w->word->ours, w->word->ours + 1 };
	const struct tm_quiet quiet = { w->in->mem, &hook, 1, pass, NULL };

	return !tm_quiet_stack(&quiet, standing);
}

static bool is_between(struct window *w, const struct tm_thread *thread,
		       const struct tm_standing *standing)
{
	/* What one that waits in the kernel without stopping holds is not known. */
	if (!tm_thread_stands(thread) || !tm_regs_get(thread->tid, &w->regs))
		return true;
	if (register_has(w) || signal_has(w, standing))
		return true;
	return tm_regs_syscall_nr(&w->regs, NULL, 0) < 0 &&
	       (code_may_load(w) || variable_has(w));
}

bool inject_tracer_can_end(struct tm_injection *in, struct tm_stop *stop,
			   const struct tm_recorder_py_word *word)
{
	struct window window = { .in = in, .word = word };

	for (size_t i = 0; i < stop->n; i++) {
		struct tm_standing standing;
		enum tm_stands stands = tm_quiet_stands(stop, &stop->threads[i], &standing);

		if (stands == TM_STANDS_ANYWHERE ||
		    (stands == TM_STANDS_THERE &&
		     is_between(&window, &stop->threads[i], &standing))) {
			tm_log("thread %d may be about to call the tracer",
			       (int)stop->threads[i].tid);
			return false;
		}
	}
	return true;
}

bool inject_tracer_rests(pid_t tid, const uint64_t *words, size_t left, tm_addr at)
{
	struct tm_regs regs;

	return !is_saved(words, left) && tm_regs_get(tid, &regs) &&
	       (tm_regs_syscall_nr(&regs, NULL, 0) >= 0 || at - tm_regs_sp(&regs) >= LOCALS);
}

/* tracemalloc keeps nothing of what it replaces, but another may. */
static bool is_pythons(struct tm_injection *in, tm_addr function)
{
	TM_GUARD(tm_maps_free) struct tm_maps maps = { 0 };
	const struct tm_region *own, *its;
	struct tm_err unknown;

	if (!tm_maps_read(in->process.pid, &maps, &unknown))
		return false;
	own = tm_maps_find(&maps, in->head.py_words[tm_py_word(TM_PY_RAW, TM_PY_MALLOC)].original);
	its = tm_maps_find(&maps, function);
	return own && its && own->inode && own->inode == its->inode;
}

bool inject_word_kept(struct tm_injection *in, const struct tm_recorder_py_word *word)
{
	struct tm_err unknown;
	uint64_t now;

	return word - in->head.py_words != TM_PY_TRACER ||
	       !tm_mem_u64(in->mem, word->address, &now, &unknown) || !is_pythons(in, now);
}
