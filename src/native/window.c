#include "native/window.h"

#include <string.h>

#include "arch/arch.h"

void native_window_clear(struct native_window *window)
{
	memset(window->tags, 0, sizeof(window->tags));
	window->stack_len = 0;
}

void native_window_stack(struct native_window *window, struct tm_mem *mem,
			 tm_addr sp)
{
	window->mem = mem;
	window->stack = sp < TM_RED_ZONE ? 0 : sp - TM_RED_ZONE;
	window->stack_len = tm_mem_read_some(mem, window->stack,
					     window->stack_bytes,
					     sizeof(window->stack_bytes));
}

/* The cached page that holds `at`, or NULL if it cannot be read. */
static const unsigned char *page(struct native_window *window, tm_addr at)
{
	tm_addr start = at / TM_PAGE * TM_PAGE;
	size_t slot = (size_t)(at / TM_PAGE % NATIVE_PAGES);

	if (window->tags[slot] != (start | 1)) {
		window->tags[slot] = 0;
		if (tm_mem_read_some(window->mem, start, window->pages[slot],
				     TM_PAGE) != TM_PAGE)
			return NULL;
		window->tags[slot] = start | 1;
	}
	return window->pages[slot];
}

bool native_window_read(struct native_window *window, tm_addr at, void *buf,
			size_t len)
{
	tm_addr off = at - window->stack;

	if (off < window->stack_len && len <= window->stack_len - off) {
		memcpy(buf, window->stack_bytes + off, len);
		return true;
	}
	while (len > 0) {
		size_t in = (size_t)(at % TM_PAGE);
		size_t piece = TM_PAGE - in < len ? TM_PAGE - in : len;
		const unsigned char *bytes = page(window, at);

		if (!bytes)
			return false;
		memcpy(buf, bytes + in, piece);
		buf = (char *)buf + piece;
		at += piece;
		len -= piece;
	}
	return true;
}
