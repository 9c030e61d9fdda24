/*
 * The hook that is told of objects: whose block it gives to the new owner, and whom it
 * tells in turn.
 */
#include "recorder_hooks.h"

enum { GC_FLAG = 1 << 14, PREHEADER_FLAG = 1 << 4, GC_HEAD = 16, OLDER = 0x7777 };
enum { CREATE = 0, DESTROY = 1 };

struct type {
	uint64_t words[21];
	uint64_t flags;
};

struct object {
	uint64_t references;
	const struct type *type;
};

typedef int tracer(void *object, int event, void *data);

static const struct type plain_type = { .flags = 1 << 12 };
static const struct type gc_type = { .flags = 1 << 12 | GC_FLAG };
static const struct type instance_type = { .flags = GC_FLAG | PREHEADER_FLAG };

static void record(void (*use)(void))
{
	struct tm_recorder_python *p;

	use();
	tracer_word = 0;
	install(TM_PY_RECORD, 0, 0, TM_PY_SMALL);
	p = &table->python;
	p->object_type = offsetof(struct object, type);
	p->type_flags = offsetof(struct type, flags);
	p->gc_head = GC_HEAD;
	p->gc_flags = GC_FLAG;
	p->preheader_flags = PREHEADER_FLAG;
}

static int tell(void *object, int event, void *data)
{
	return ((tracer *)tracer_word)(object, event, data);
}

/* A block, and an object so many bytes into it. */
static struct object *allocate(const struct type *type, size_t before)
{
	char *block = tables[TM_PY_OBJ].malloc(NULL, before + 64);
	struct object *object = (struct object *)(block + before);

	assert_non_null(known(block));
	*object = (struct object){ 1, type };
	return object;
}

static void set_stack(const void *block, uint32_t stack)
{
	struct tm_recorder_slot *slot = (struct tm_recorder_slot *)known(block);

	slot->value = (uint64_t)stack << 32 | (uint32_t)slot->value;
}

static uint32_t stack_of(const void *block)
{
	return tm_slot_stack(known(block));
}

static void follows(const struct type *type, size_t before)
{
	struct object *object = allocate(type, before);
	const void *block = (char *)object - before;
	const uint32_t first = stack_of(block);
	const uint64_t size = tm_slot_size(known(block));
	const int64_t current = traced();

	/* In the block that has just been allocated for it. */
	set_stack(block, OLDER);
	assert_int_equal(tell(object, CREATE, NULL), 0);
	assert_int_equal(stack_of(block), OLDER);
	/* CPython had kept it. */
	tell(object, DESTROY, NULL);
	assert_int_equal(stack_of(block), OLDER);
	tell(object, CREATE, NULL);
	assert_int_equal(stack_of(block), first);
	assert_int_equal(tm_slot_size(known(block)), size);
	assert_int_equal(traced(), current);
}

static void owners_change(void **state)
{
	(void)state;
	record(use_pymalloc);
	follows(&plain_type, 0);
	follows(&gc_type, GC_HEAD);
	follows(&instance_type, GC_HEAD + TM_PY_PREHEADER);
	table->python.gc_flags = 0; /* free-threaded */
	follows(&instance_type, TM_PY_PREHEADER);
}

/* A block that has ended and come back is no fresh one for whoever takes it from a list. */
static void fresh_once(void **state)
{
	struct object *object;
	void *block;

	(void)state;
	record(use_pymalloc);
	object = allocate(&plain_type, 0);
	tables[TM_PY_OBJ].free(NULL, object);
	block = tables[TM_PY_MEM].malloc(NULL, 64);
	assert_ptr_equal(block, object);
	*object = (struct object){ 1, &plain_type };
	set_stack(block, OLDER);
	tell(object, CREATE, NULL);
	assert_int_not_equal(stack_of(block), OLDER);
}

static void unknown_stays_unknown(void **state)
{
	static struct object object = { 1, &plain_type };
	uint64_t n;

	(void)state;
	record(use_pymalloc);
	allocate(&plain_type, 0);
	n = nknown();
	tell(&object, CREATE, NULL);
	assert_int_equal(nknown(), n);
	assert_int_equal(table->dropped, 0);
}

static int ntold;
static void *told_data;

static int told(void *object, int event, void *data)
{
	(void)object, (void)event;
	ntold++;
	told_data = data;
	return 5;
}

/* The object of an event may be none (PyRefTracer_TRACKER_REMOVED, 3.15). */
static void others_are_told(void **state)
{
	struct object *object;

	(void)state;
	record(use_plain);
	mprotect(head, code_size(), PROT_READ | PROT_WRITE | PROT_EXEC);
	head->py_words[TM_PY_TRACER].original = (uint64_t)told;
	object = allocate(&plain_type, 0);
	assert_int_equal(tell(object, CREATE, &ntold), 5);
	assert_ptr_equal(told_data, &ntold);
	assert_int_equal(tell(object, DESTROY, NULL), 5);
	assert_int_equal(tell(NULL, 2, NULL), 5);
	assert_int_equal(ntold, 3);
	set_stack(object, OLDER);
	gate->enabled = 0;
	assert_int_equal(tell(object, CREATE, NULL), 5);
	assert_int_equal(stack_of(object), OLDER);
	assert_int_equal(ntold, 4);
	tables[TM_PY_OBJ].free(NULL, object);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(owners_change),
		TEST(fresh_once),
		TEST(unknown_stays_unknown),
		TEST(others_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
