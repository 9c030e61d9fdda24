/*
 * What happens around the calls of CPython's allocators. The hooks that call this
 * are in entry_python.S; the order is that of hooks.c.
 *
 * With TM_PY_PROMOTE mem and obj count down together, in the gate's page, for
 * whoever holds the GIL; the hooks do so themselves and call this once that has
 * run out. pymalloc passes on to raw what is large or of no size: there it is
 * counted, by threads.
 *
 * From 3.12 on interpreters may have GILs of their own, and then two threads would
 * write the countdown at once. Each time that it comes to its end, which some thread of each
 * busy GIL meets soon, the thread's GIL is compared with the first that was seen; from
 * the second on threads count by themselves. What was lost until then is less than the
 * distances of a few samples.
 */
#include "recorder.h"

typedef struct tm_recorder_call py_call_t;

#define FROM_ASM __attribute__((used, visibility("hidden")))

FROM_ASM bool tm_py_promotes_malloc(py_call_t *call);
FROM_ASM bool tm_py_promotes_calloc(py_call_t *call);
FROM_ASM bool tm_py_promotes_realloc(py_call_t *call);
FROM_ASM void tm_py_after_promoted(const py_call_t *call);
FROM_ASM bool tm_py_before_malloc(py_call_t *call);
FROM_ASM bool tm_py_before_calloc(py_call_t *call);
FROM_ASM bool tm_py_before_realloc(py_call_t *call);
FROM_ASM void tm_py_after_malloc(const py_call_t *call);
FROM_ASM void tm_py_after_calloc(const py_call_t *call);
FROM_ASM void tm_py_after_realloc(const py_call_t *call);
FROM_ASM void tm_py_before_free(const struct tm_recorder_py_word *word, uint64_t address);
FROM_ASM void tm_py_made(uint64_t object, const struct frame *caller);

static inline const struct tm_recorder_py_word *word_of(const py_call_t *call)
{
	return (const struct tm_recorder_py_word *)~call->not_entry;
}

static inline enum tm_recorder_py_domain domain_of(const struct tm_recorder_py_word *word)
{
	return (enum tm_recorder_py_domain)((word - head()->py_words) / TM_PY_FUNCTIONS);
}

/* Exact mode: are we told of objects that are made? */
static inline bool knows_objects(void)
{
	return head()->py_words[TM_PY_TRACER].ours && !table()->sample_bytes;
}

static void record_block(const py_call_t *call, uint64_t address, uint64_t size)
{
	struct tm_recorder_thread *slot = thread_slot();
	const struct frame caller = caller_of(call);
	struct block block = { .address = address, .size = size };

	/* One that stands for others has to have a size. */
	if (table()->sample_bytes && size == 0)
		block.size = 1;
	table_expect(address);
	block.stack = python_stack(domain_of(word_of(call)), &caller, slot);
	table_insert(&block, slot);
	if (knows_objects() && domain_of(word_of(call)) == TM_PY_OBJ)
		slot->made = address;
}

/* ---- TM_PY_PROMOTE, mem and obj -------------------------------------------------- */

static inline struct tm_recorder_gate *gate(void)
{
	return (struct tm_recorder_gate *)head()->gate;
}

/* Leads this thread's state to another GIL than the first did? */
static bool is_another_gil(void)
{
	const struct tm_recorder_python *p = &table()->python;
	uint64_t state, gil, none = 0;

	if (p->interp_gil == TM_PY_ABSENT)
		return false;
	state = python_state(TM_PY_OBJ);
	if (!state)
		return false;
	gil = *(const uint64_t *)(*(const uint64_t *)(state + p->thread_interp) + p->interp_gil);
	return !__atomic_compare_exchange_n(&gate()->first_gil, &none, gil, false,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED) && none != gil;
}

/* A thread that was just counting may write the countdown once more, and comes here
 * again when that has come to its end. */
static bool many_gils(void)
{
	if (!gate()->many_gils && !is_another_gil())
		return false;
	__atomic_store_n(&gate()->many_gils, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&gate()->gil.countdown, INT64_MIN / 2, __ATOMIC_RELAXED);
	return true;
}

/* The hook has subtracted `size` from the countdown, and that came to its end.
 * While nothing is recorded, as in a forked child, it shall not be soon again. */
static bool promotes(uint64_t size)
{
	enum { IDLE = 1 << 20 };
	struct tm_recorder_thread *gil = &gate()->gil;

	if (!enabled()) {
		gil->countdown = IDLE;
		return false;
	}
	if (!size)
		return false;
	if (many_gils())
		return sample_takes(thread_slot(), size);
	gil->countdown += (int64_t)size;
	/* Another GIL's threads have subtracted, too. */
	if (gil->countdown < 0)
		gil->countdown = 0;
	return sample_takes(gil, size);
}

/* `old_size` is free: nothing has moved yet. */
static inline bool promote(py_call_t *call, uint64_t size, uint64_t *asked)
{
	if (!promotes(size))
		return false;
	call->old_size = size;
	*asked = TM_PY_SMALL + 1;
	return true;
}

bool tm_py_promotes_malloc(py_call_t *call)
{
	return promote(call, call->args[1], &call->args[1]);
}

bool tm_py_promotes_calloc(py_call_t *call)
{
	if (!promote(call, call->args[1] * call->args[2], &call->args[2]))
		return false;
	call->args[1] = 1;
	return true;
}

/* A block that moved to raw earlier is realloc()ed there, which shall not decide
 * once more. */
bool tm_py_promotes_realloc(py_call_t *call)
{
	if (promote(call, call->args[2], &call->args[2]))
		return true;
	gate()->moving = call->args[1];
	return false;
}

void tm_py_after_promoted(const py_call_t *call)
{
	if (call->left_result && enabled())
		record_block(call, call->left_result, call->old_size);
}

/* ---- everything else --------------------------------------------------------------- */

/* Is this block to be recorded, going by its size alone? */
static inline bool takes(const py_call_t *call, uint64_t size)
{
	if (size > word_of(call)->most)
		return false;
	return !table()->sample_bytes || sample_takes(thread_slot(), size ? size : 1);
}

/*
 * Where one domain is served by another at another address, the inner call must
 * not count; so the outer one has to be on the stack even if its block is not
 * taken. A thread that has no place of its own cannot be told from others.
 */
static uint32_t enter_nested(const py_call_t *call, uint64_t size)
{
	struct tm_recorder_thread *slot = thread_slot();

	if (slot_shared(slot)) {
		count_dropped();
		return 0;
	}
	if (slot->inside)
		return 0;
	slot->inside = (uint64_t)call;
	return takes(call, size) ? TM_PY_OUTERMOST | TM_PY_TAKEN : TM_PY_OUTERMOST;
}

static inline bool notes(const py_call_t *call)
{
	return unlikely(table()->python.flags & TM_PY_WITH_C) &&
	       domain_of(word_of(call)) == TM_PY_RAW;
}

/* For malloc's hooks, which see this block next: it is not theirs. False: they cannot be
 * told, so it is. */
static bool leave_note(const py_call_t *call)
{
	struct tm_recorder_thread *slot = thread_slot();

	if (slot_shared(slot))
		return false;
	slot->inside = (uint64_t)&call->pc;
	return true;
}

static inline uint32_t enter_call(const py_call_t *call, uint64_t size)
{
	if (unlikely(table()->python.flags & TM_PY_NESTED))
		return enter_nested(call, size);
	if (notes(call) && !leave_note(call))
		return 0;
	return takes(call, size) ? TM_PY_TAKEN : 0;
}

/* Back from the call that was entered so. A child that it forked has no table. */
static inline bool leave_call(const py_call_t *call)
{
	if (unlikely(!enabled()))
		return false;
	if (unlikely(call->known & TM_PY_OUTERMOST))
		thread_slot()->inside = 0;
	return true;
}

static inline bool before_new(py_call_t *call, uint64_t size)
{
	call->known = enter_call(call, size);
	return call->known != 0;
}

bool tm_py_before_malloc(py_call_t *call)
{
	return before_new(call, call->args[1]);
}

/* CPython asks for nothing whose product overflows; others may, in vain. */
bool tm_py_before_calloc(py_call_t *call)
{
	uint64_t size;

	return !__builtin_mul_overflow(call->args[1], call->args[2], &size) &&
	       before_new(call, size);
}

static inline void after_new(const py_call_t *call, uint64_t size)
{
	if (leave_call(call) && call->left_result && call->known & TM_PY_TAKEN)
		record_block(call, call->left_result, size);
}

void tm_py_after_malloc(const py_call_t *call)
{
	after_new(call, call->args[1]);
}

void tm_py_after_calloc(const py_call_t *call)
{
	after_new(call, call->args[1] * call->args[2]);
}

/* Has the hook of mem or obj that has called this one decided already? */
static inline bool is_decided(const py_call_t *call)
{
	if (table()->python.set != TM_PY_PROMOTE || gate()->moving != call->args[1])
		return false;
	gate()->moving = 0;
	return true;
}

/* The old block is forgotten first: another thread may get its address before
 * this one comes back. */
static void forget_moving(py_call_t *call)
{
	struct block old;

	call->epoch = (uint32_t)table()->epoch;
	if (!table_may_know(call->args[1]) || !table_remove(call->args[1], &old))
		return;
	call->known |= TM_PY_WAS_KNOWN;
	call->old_size = old.size;
	call->old_stack = old.stack;
	call->old_birth = old.birth;
}

bool tm_py_before_realloc(py_call_t *call)
{
	const uint64_t address = call->args[1];

	call->known = 0;
	if (!address)
		return before_new(call, call->args[2]);
	if (!is_decided(call))
		call->known = enter_call(call, call->args[2]);
	else if (notes(call))
		leave_note(call);
	/* Inside of another's: that one has forgotten it. */
	if (call->known || !(table()->python.flags & TM_PY_NESTED))
		forget_moving(call);
	return call->known != 0;
}

/* The block is where it was; its stack may have been cleared meanwhile. */
static void put_back_moving(const py_call_t *call)
{
	const struct block old = {
		.address = call->args[1],
		.size = call->old_size,
		.stack = call->old_stack,
		.birth = call->old_birth,
	};

	if (call->known & TM_PY_WAS_KNOWN && call->epoch == (uint32_t)table()->epoch)
		table_insert(&old, thread_slot());
}

void tm_py_after_realloc(const py_call_t *call)
{
	if (!leave_call(call))
		return;
	if (!call->left_result)
		put_back_moving(call);
	else if (call->known & TM_PY_TAKEN)
		record_block(call, call->left_result, call->args[2]);
}

static inline void object_ends(uint64_t address)
{
	if (knows_objects() && unlikely(thread_slot()->made == address))
		thread_slot()->made = 0;
	code_ends(address);
}

void tm_py_before_free(const struct tm_recorder_py_word *word, uint64_t address)
{
	struct block old;

	if (!address)
		return;
	if (!table()->sample_bytes && domain_of(word) == TM_PY_OBJ)
		object_ends(address);
	if (table_may_know(address))
		table_remove(address, &old);
}

/* ---- objects ------------------------------------------------------------------------- */

/* As _PyType_PreHeaderSize() has it (pycore_object.h). */
static inline uint64_t block_of(const struct tm_recorder_python *p, uint64_t object)
{
	const uint64_t type = *(const uint64_t *)(object + p->object_type);
	const uint64_t flags = *(const uint64_t *)(type + p->type_flags);

	return object - (flags & p->gc_flags ? p->gc_head : 0) -
	       (flags & p->preheader_flags ? TM_PY_PREHEADER : 0);
}

/*
 * An object is made. What has just been allocated for it is recorded as it should be;
 * else CPython had kept the block when the last object in it ended, and whoever makes
 * this one is who has it now. Of what it had before we came nothing is known.
 */
void tm_py_made(uint64_t object, const struct frame *caller)
{
	struct tm_recorder_thread *slot = thread_slot();
	const uint64_t address = block_of(&table()->python, object);
	const bool own = !slot_shared(slot);

	if (own && slot->made == address) {
		slot->made = 0;
		return;
	}
	if (table_misses(address))
		return;
	table_hand_on(address, python_stack(TM_PY_OBJ, caller, slot), slot);
}
