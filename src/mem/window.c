#include "mem/window.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/search.h"

enum {
	GAP = 2 * TM_PAGE,  /* unwanted pages that are cheaper to read than
				   to begin another read for */
	PAGE_SHIFT = 12,
	DIGIT = 11,
};

void tm_window_init(struct tm_window *window, struct tm_mem *mem)
{
	*window = (struct tm_window){ .mem = mem, .scratch = tm_malloc(TM_WINDOW) };
}

void tm_window_free(struct tm_window *window)
{
	free(window->scratch);
	free(window->kept);
	free(window->runs);
	*window = (struct tm_window){ 0 };
}

void tm_window_keep(struct tm_window *window, size_t limit)
{
	window->len = 0;
	window->nruns = 0;
	window->kept_len = 0;
	if (limit <= window->kept_cap)
		return;
	free(window->kept);
	window->kept = tm_malloc(limit);
	window->kept_cap = limit;
}

/* Show the kept run that holds the record, if any. */
static bool show_kept(struct tm_window *window, tm_addr at, size_t size)
{
	size_t low = TM_LOWER_BOUND(window->nruns, i, window->runs[i].base <= at);
	const struct tm_window_run *run;

	if (low == 0)
		return false;
	run = &window->runs[low - 1];
	window->base = run->base;
	window->len = run->len;
	window->bytes = window->kept + run->at;
	return tm_window_get(window, at, size) != NULL;
}

/* Where a run of `len` bytes at base is to be read to. */
static char *place(const struct tm_window *window, tm_addr base, size_t len)
{
	if (len > window->kept_cap - window->kept_len ||
	    (window->nruns > 0 && base <= window->runs[window->nruns - 1].base))
		return window->scratch;
	return window->kept + window->kept_len;
}

static void keep(struct tm_window *window)
{
	if (window->bytes == window->scratch || window->len == 0)
		return;
	window->runs = tm_grow(window->runs, &window->runs_cap,
			       window->nruns + 1, sizeof(*window->runs));
	window->runs[window->nruns++] = (struct tm_window_run){
		.base = window->base, .len = window->len, .at = window->kept_len,
	};
	window->kept_len += window->len;
}

static tm_addr page_of(tm_addr at)
{
	return at & ~(tm_addr)(TM_PAGE - 1);
}

/* Where a run that starts at `base` ends. */
static tm_addr run_end(tm_addr base, const tm_addr *addrs, size_t n, size_t size)
{
	tm_addr end = addrs[0] + size;

	for (size_t i = 1; i < n; i++) {
		tm_addr next = addrs[i] + size;

		if (next <= end)
			continue;
		if (addrs[i] > end + GAP || next - base > TM_WINDOW)
			break;
		end = next;
	}
	end = page_of(end + TM_PAGE - 1);
	return end - base > TM_WINDOW ? base + TM_WINDOW : end;
}

bool tm_window_load(struct tm_window *window, const tm_addr *addrs, size_t n,
		    size_t size, struct tm_err *err)
{
	tm_addr base = page_of(addrs[0]);
	tm_addr end;
	char *to;

	if (show_kept(window, addrs[0], size))
		return true;
	window->len = 0;
	if (addrs[0] > UINT64_MAX - 2 * (uint64_t)TM_WINDOW || size > TM_WINDOW / 2)
		return tm_err_set(err, TM_ERR_CORRUPT, "",
				  "a record at 0x%" PRIx64 " is impossible", addrs[0]);
	end = run_end(base, addrs, n, size);
	to = place(window, base, (size_t)(end - base));
	window->base = base;
	window->bytes = to;
	/* A hole in a gap ends the read early: what follows it comes with the
	 * next load. */
	window->len = tm_mem_read_some(window->mem, base, to,
				       (size_t)(end - base));
	window->fetched += window->len;
	keep(window);
	if (tm_window_get(window, addrs[0], size))
		return true;
	return tm_err_set(err, TM_ERR_FAULT, "",
			  "cannot read %zu bytes at 0x%" PRIx64, size, addrs[0]);
}

static bool pages_ascend(const tm_addr *addrs, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (addrs[i - 1] >> PAGE_SHIFT > addrs[i] >> PAGE_SHIFT)
			return false;
	return true;
}

static void counting_pass(const tm_addr *from, tm_addr *to, size_t n,
			  unsigned shift)
{
	size_t at[1 << DIGIT] = { 0 }, sum = 0;

	for (size_t i = 0; i < n; i++)
		at[from[i] >> shift & ((1 << DIGIT) - 1)]++;
	for (size_t d = 0; d < 1 << DIGIT; d++) {
		size_t count = at[d];

		at[d] = sum;
		sum += count;
	}
	for (size_t i = 0; i < n; i++)
		to[at[from[i] >> shift & ((1 << DIGIT) - 1)]++] = from[i];
}

void tm_sort_by_page(tm_addr *addrs, tm_addr *spare, size_t n)
{
	tm_addr differs = 0;
	tm_addr *from = addrs, *to = spare;

	if (n < 2 || pages_ascend(addrs, n))
		return;
	for (size_t i = 1; i < n; i++)
		differs |= addrs[i] ^ addrs[0];
	for (unsigned shift = PAGE_SHIFT; shift < 64; shift += DIGIT) {
		tm_addr *swap = from;

		if ((differs >> shift & ((1 << DIGIT) - 1)) == 0)
			continue;
		counting_pass(from, to, n, shift);
		from = to;
		to = swap;
	}
	if (from != addrs)
		memcpy(addrs, from, n * sizeof(*addrs));
}
