#include "codec/pickle_machine.h"

#include "base/alloc.h"

/* A tuple of as many traces lies on the stack before it is one. */
enum { MAX_STACK = 1 << 26 };

void pickle_push(struct pickle_machine *m, struct value value)
{
	if (m->n >= MAX_STACK) {
		pickle_in_corrupt(m->in, "a stack of absurd depth");
		return;
	}
	if (m->n == m->cap)
		m->stack = tm_grow(m->stack, &m->cap, m->n + 1,
				   sizeof(*m->stack));
	m->stack[m->n++] = value;
}

/* The topmost n values, taken off; NULL if there are not as many. */
struct value *pickle_pop(struct pickle_machine *m, size_t n)
{
	if (m->n < n) {
		pickle_in_corrupt(m->in, "an operation without its operands");
		return NULL;
	}
	m->n -= n;
	return m->stack + m->n;
}

/* The values above the topmost mark, taken off with it. */
struct value *pickle_pop_mark(struct pickle_machine *m, size_t *ret_n)
{
	size_t at = m->n;

	while (at && m->stack[at - 1].kind != VALUE_MARK)
		at--;
	*ret_n = m->n - at;
	if (!at) {
		pickle_in_corrupt(m->in, "an end without its mark");
		return NULL;
	}
	m->n = at - 1;
	return m->stack + at;
}

struct value *pickle_top(struct pickle_machine *m)
{
	struct value *value = pickle_pop(m, 1);

	if (value)
		m->n++;
	return value;
}

void pickle_put_memo(struct pickle_machine *m, uint64_t place)
{
	struct value *value = pickle_top(m);

	/* Places are numbered as they come: none can be beyond the bytes read. */
	if (place > pickle_in_offset(m->in))
		pickle_in_corrupt(m->in, "a memo place of absurd number");
	if (m->in->failed || !value)
		return;
	if (place >= m->memo_cap)
		m->memo = tm_grow(m->memo, &m->memo_cap, place + 1,
				  sizeof(*m->memo));
	while (m->nmemo <= place)
		m->memo[m->nmemo++] = (struct value){ VALUE_UNSET, 0, 0 };
	m->memo[place] = *value;
}

void pickle_get_memo(struct pickle_machine *m, uint64_t place)
{
	if (place >= m->nmemo || m->memo[place].kind == VALUE_UNSET)
		pickle_in_corrupt(m->in, "a memo place that was never set");
	else
		pickle_push(m, m->memo[place]);
}
