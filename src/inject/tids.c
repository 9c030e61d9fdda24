/*
 * Where the C library notes the id of each thread: `tid` of struct pthread, some words from
 * the thread pointer. It is known if just one place has the right number in all threads that
 * are looked at; where several have, as with an id that is 1, if just one of them is usual.
 */
#include <string.h>

#include "inject/private.h"

enum { WORDS = 256, ENOUGH = 16 };

/* Where a word of the control block is its thread's id, of those places where it was so far. */
static void keep_places(struct tm_injection *in, tm_addr block, uint32_t tid, bool *places)
{
	uint32_t words[WORDS];
	const size_t n = tm_mem_read_some(in->mem, block, words, sizeof(words)) / sizeof(*words);

	for (size_t i = 0; i < WORDS; i++)
		places[i] = i < n && places[i] && words[i] == tid;
}

/* glibc 2.12 to 2.43 (nptl/descr.h); musl 1.2, 1.1 (src/internal/pthread_impl.h). */
static bool is_usual(uint32_t at)
{
	return at == 720 || at == 48 || at == 56;
}

/* 0: none, or several. */
static uint32_t only_place(const bool *places, bool usual)
{
	uint32_t at, found = 0, n = 0;

	for (uint32_t i = 1; i < WORDS; i++) {
		at = i * (uint32_t)sizeof(at);
		if (places[i] && (!usual || is_usual(at)) && ++n)
			found = at;
	}
	return n == 1 ? found : 0;
}

uint32_t inject_tid_place(struct tm_injection *in, const struct tm_stop *stop)
{
	bool places[WORDS];
	struct tm_regs regs;
	uint32_t at;
	size_t seen = 0;

	memset(places, true, sizeof(places));
	for (size_t i = 0; i < stop->n && seen < ENOUGH; i++) {
		pid_t tid = stop->threads[i].tid;

		if (!tm_thread_stands(&stop->threads[i]) || !tm_regs_get(tid, &regs))
			continue;
		keep_places(in, tm_regs_tls(&regs), (uint32_t)tm_process_inner_pid(tid), places);
		seen++;
	}
	at = only_place(places, false);
	return at ? at : only_place(places, true);
}
