/*
 * Interned stacks: appended, then linked into a hash bucket by one
 * compare-and-swap. No lock, so threads and signal handlers may meet here at
 * any point. Two of them that add the same stack at once leave one record
 * unused.
 */
#include "recorder.h"

static inline struct tm_recorder_stack *stack_at(uint32_t id)
{
	return table_at(table()->stacks + (uint64_t)id * 8);
}

static uint32_t hash_pcs(const uint64_t *pcs, uint32_t n, uint32_t domain)
{
	uint64_t a = n + ((uint64_t)domain << 32), b = 0x9e3779b97f4a7c15u;
	uint32_t i = 0;

	/* Two chains: a multiplication takes longer than what waits for it. */
	for (; i + 1 < n; i += 2) {
		a = (a ^ pcs[i]) * 0xd6e8feb86659fd93u;
		b = (b ^ pcs[i + 1]) * 0xc2b2ae3d27d4eb4fu;
		a ^= a >> 29;
		b ^= b >> 31;
	}
	if (i < n)
		a = (a ^ pcs[i]) * 0xd6e8feb86659fd93u;
	return (uint32_t)(mix(a ^ b << 1) >> 16);
}

static bool same(const struct tm_recorder_stack *stack, const uint64_t *pcs,
		 uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (stack->pcs[i] != pcs[i])
			return false;
	return true;
}

static inline bool is_like(const struct tm_recorder_stack *stack,
			   const struct tm_recorder_stack *like, const uint64_t *pcs)
{
	return stack->hash == like->hash && stack->n == like->n &&
	       stack->domain == like->domain && stack->more == like->more &&
	       same(stack, pcs, like->n);
}

/* Look from `id` on until `end`. */
static uint32_t find_between(uint32_t id, uint32_t end,
			     const struct tm_recorder_stack *like,
			     const uint64_t *pcs)
{
	while (id && id != end) {
		const struct tm_recorder_stack *stack = stack_at(id);

		if (is_like(stack, like, pcs))
			return id;
		id = stack->next;
	}
	return 0;
}

/* Append a record that nothing refers to yet; 0 if the area is full. */
static uint32_t append(const struct tm_recorder_stack *like, const uint64_t *pcs)
{
	struct tm_recorder_table *t = table();
	uint64_t size = sizeof(*like) + like->n * 8ull, at;
	struct tm_recorder_stack *stack;

	if (__atomic_load_n(&t->stack_tail, __ATOMIC_RELAXED) + size > t->stacks_size)
		return 0;
	at = __atomic_fetch_add(&t->stack_tail, size, __ATOMIC_RELAXED);
	if (at + size > t->stacks_size)
		return 0;
	stack = table_at(t->stacks + at);
	*stack = *like;
	for (uint32_t i = 0; i < like->n; i++)
		stack->pcs[i] = pcs[i];
	return (uint32_t)(at / 8);
}

static uint32_t link_in(uint32_t *bucket, uint32_t head, uint32_t id,
			const struct tm_recorder_stack *like, const uint64_t *pcs)
{
	struct tm_recorder_stack *stack = stack_at(id);

	for (;;) {
		uint32_t seen = head, twin;

		stack->next = head;
		if (__atomic_compare_exchange_n(bucket, &head, id, false,
						__ATOMIC_RELEASE,
						__ATOMIC_ACQUIRE))
			break;
		twin = find_between(head, seen, like, pcs);
		if (twin)
			return twin;
	}
	__atomic_fetch_add(&table()->nstacks, 1, __ATOMIC_RELAXED);
	return id;
}

static uint32_t find_or_add(const struct tm_recorder_stack *like, const uint64_t *pcs)
{
	struct tm_recorder_table *t = table();
	uint32_t *bucket, head, id;

	bucket = (uint32_t *)table_at(t->buckets) +
		 (like->hash & ((1u << TM_RECORDER_BUCKETS_LOG2) - 1));
	head = __atomic_load_n(bucket, __ATOMIC_ACQUIRE);
	id = find_between(head, 0, like, pcs);
	if (likely(id))
		return id;
	id = append(like, pcs);
	if (id)
		return link_in(bucket, head, id, like, pcs);
	__atomic_fetch_add(&t->lost_stacks, 1, __ATOMIC_RELAXED);
	return 0;
}

static inline void say_like(struct tm_recorder_stack *like, const uint64_t *pcs, uint32_t n,
			    enum tm_recorder_more more, uint32_t domain)
{
	like->hash = hash_pcs(pcs, n, domain);
	like->domain = domain;
	like->n = (uint16_t)n;
	like->more = (uint16_t)more;
}

uint32_t stack_intern(const uint64_t *pcs, uint32_t n, enum tm_recorder_more more,
		      uint32_t domain)
{
	struct tm_recorder_stack like = { 0 };

	say_like(&like, pcs, n, more, domain);
	return find_or_add(&like, pcs);
}

uint32_t stack_intern_again(uint64_t *recent, const uint64_t *pcs, uint32_t n,
			    enum tm_recorder_more more, uint32_t domain)
{
	struct tm_recorder_stack like = { 0 };
	uint64_t *kept;
	uint32_t id;

	say_like(&like, pcs, n, more, domain);
	kept = &recent[like.hash >> (32 - TM_PY_RECENT_LOG2)];
	id = (uint32_t)*kept;
	if (likely(*kept >> 32 == like.hash && id && is_like(stack_at(id), &like, pcs)))
		return id;
	id = find_or_add(&like, pcs);
	*kept = (uint64_t)like.hash << 32 | id;
	return id;
}
