/* The code for the target, executed from a copy as the target executes it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "control/payload.h"

static struct {
	int gil, refs, ran, arg, restored, gc;
	bool initialized, finalizing, many, fails, own, idle, holds;
	char called[64];        /* the methods, in their order */
	struct control_args *args;
	uint32_t withdraw;
} target;

static int is_initialized(void) { return target.initialized; }
static int is_finalizing(void) { return target.finalizing; }
static void *head(void) { return &target; }
static void *next(void *at) { return target.many && at == &target ? &target.arg : NULL; }
static int has_feature(void *at, unsigned long feature)
{
	assert_int_equal(feature, 1 << 5);
	return at == &target || !target.own;
}

static void *this_state(void) { return &target; }
static void *current_state(void) { return target.holds ? &target : NULL; }
static int gc_disable(void) { target.gc--; return 1; }
static int gc_enable(void) { target.gc++; return 1; }

static int ensure(void)
{
	assert_int_equal(target.args->head.state, CONTROL_WAITING);
	if (target.withdraw == CONTROL_WITHDRAWN)
		target.args->head.state = CONTROL_WITHDRAWN;
	target.gil++;
	return 42;
}

static void release(int state)
{
	assert_int_equal(state, 42);
	target.gil--;
}

static void *import(const char *name)
{
	assert_string_equal(name, "_tracemalloc");
	assert_int_equal(target.gil, 1);
	target.refs++;
	return &target;
}

static void *method(void *object, const char *name, const char *format, ...)
{
	va_list args;

	assert_ptr_equal(object, &target);
	va_start(args, format);
	target.arg = format[0] ? va_arg(args, int) : 0;
	va_end(args);
	strncat(target.called, name, sizeof(target.called) - strlen(target.called) - 2);
	strcat(target.called, " ");
	if (target.withdraw == CONTROL_UNDOING && target.args->head.state == CONTROL_RUNNING)
		target.args->head.state = CONTROL_UNDOING;
	target.ran++;
	target.refs += !target.fails;
	return target.fails ? NULL : &target;
}

static void fetch(void **type, void **value, void **traceback)
{
	*type = "ValueError";
	*value = "a text";
	*traceback = NULL;
	target.refs += 2;
}

static void *get_attr(void *object, const char *name)
{
	assert_string_equal(name, "__name__");
	target.refs++;
	return object;
}

static void restore(void *type, void *value, void *traceback)
{
	assert_string_equal(type, "ValueError");
	assert_string_equal(value, "a text");
	assert_null(traceback);
	target.refs -= 2;
	target.restored++;
}

static int is_true(void *object) { (void)object; return !target.idle; }
static void *str(void *object) { target.refs++; return object; }
static const char *as_utf8(void *object) { return object; }
static void dec_ref(void *object) { (void)object; target.refs--; }
static void clear(void) { }

static int attr_init(void *attr) { memset(attr, 1, 56); return 0; }
static int attr_set_int(void *attr, int value) { (void)attr; return value != 1; }

static int attr_set_stack(void *attr, void *stack, size_t size)
{
	(void)attr;
	assert_ptr_equal(stack, &target);
	assert_int_equal(size, 4096);
	return 0;
}

static int thread_create(void *thread, void *attr, void *start, struct control_args *args)
{
	(void)thread;
	(void)attr;
	assert_ptr_equal(start, &target.arg);
	assert_ptr_equal(args, target.args);
	target.ran++;
	return target.fails ? 11 : 0;
}

static const uint64_t *functions(void)
{
	static uint64_t fn[FN_COUNT];

	fn[FN_ATTR_INIT] = (uintptr_t)attr_init;
	fn[FN_ATTR_SET_STACK] = (uintptr_t)attr_set_stack;
	fn[FN_ATTR_SET_DETACH_STATE] = (uintptr_t)attr_set_int;
	fn[FN_THREAD_CREATE] = (uintptr_t)thread_create;
	fn[FN_IS_INITIALIZED] = (uintptr_t)is_initialized;
	fn[FN_IS_FINALIZING] = (uintptr_t)is_finalizing;
	fn[FN_GIL_ENSURE] = (uintptr_t)ensure;
	fn[FN_GIL_RELEASE] = (uintptr_t)release;
	fn[FN_THIS_STATE] = (uintptr_t)this_state;
	fn[FN_CURRENT_STATE] = (uintptr_t)current_state;
	fn[FN_HAS_FEATURE] = (uintptr_t)has_feature;
	fn[FN_ERR_RESTORE] = (uintptr_t)restore;
	fn[FN_IS_TRUE] = (uintptr_t)is_true;
	fn[FN_GC_DISABLE] = (uintptr_t)gc_disable;
	fn[FN_GC_ENABLE] = (uintptr_t)gc_enable;
	fn[FN_INTERPRETER_HEAD] = (uintptr_t)head;
	fn[FN_INTERPRETER_NEXT] = (uintptr_t)next;
	fn[FN_IMPORT_MODULE] = (uintptr_t)import;
	fn[FN_CALL_METHOD] = (uintptr_t)method;
	fn[FN_ERR_FETCH] = (uintptr_t)fetch;
	fn[FN_GET_ATTR] = (uintptr_t)get_attr;
	fn[FN_OBJECT_STR] = (uintptr_t)str;
	fn[FN_AS_UTF8] = (uintptr_t)as_utf8;
	fn[FN_DEC_REF] = (uintptr_t)dec_ref;
	fn[FN_ERR_CLEAR] = (uintptr_t)clear;
	return fn;
}

static struct control_args make_args(void)
{
	struct control_args args = {
		.arg = 25, .module = "_tracemalloc", .method = "start",
		.name = "__name__", .format = "i",
	};

	memcpy(args.fn, functions(), sizeof(args.fn));
	memset(&target, 0, sizeof(target));
	target.initialized = true;
	return args;
}

/* A copy somewhere else: what is not position independent fails here. */
static void run_copy(const void *function, struct control_args *args)
{
	size_t len = (size_t)(control_payload_end - control_payload_begin);
	char *code = mmap(NULL, len, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void (*copy)(struct control_args *);

	assert_ptr_not_equal(code, MAP_FAILED);
	memcpy(code, control_payload_begin, len);
	assert_int_equal(mprotect(code, len, PROT_READ | PROT_EXEC), 0);
	copy = (void (*)(struct control_args *))(uintptr_t)
		(code + ((const char *)function - control_payload_begin));
	target.args = args;
	copy(args);
	assert_int_equal(munmap(code, len), 0);
}

static uint32_t run(struct control_args *args)
{
	run_copy((const void *)(uintptr_t)control_thread, args);
	assert_int_equal(target.gil, 0);
	assert_int_equal(target.refs, 0);
	return args->head.state;
}

/* Without a tracer it comes back, too. */
static void launches_and_returns(void **state)
{
	struct control_args args = make_args();

	(void)state;
	args.stack = (uintptr_t)&target;
	args.stack_size = 4096;
	args.start = (uintptr_t)&target.arg;
	for (int fails = 0; fails < 2; fails++) {
		target.fails = fails;
		args.launched = 0;
		run_copy((const void *)(uintptr_t)control_launch, &args);
		assert_int_equal(args.launched, 1);
		assert_int_equal(args.launch_error, fails ? 11 : 0);
	}
	assert_int_equal(target.ran, 2);
}

static void calls_the_method(void **state)
{
	struct control_args args = make_args();

	(void)state;
	target.idle = true; /* None */
	assert_int_equal(run(&args), CONTROL_DONE);
	assert_int_equal(target.ran, 1);
	assert_int_equal(target.arg, 25);
}

/* clear_traces() where it deadlocks. */
static void calls_one_after_the_other(void **state)
{
	struct control_args args = make_args();

	(void)state;
	strcpy(args.only_if, "is_tracing");
	strcpy(args.first, "stop");
	assert_int_equal(run(&args), CONTROL_DONE);
	assert_string_equal(target.called, "is_tracing stop start ");
	assert_int_equal(target.arg, 25);
	args = make_args();
	strcpy(args.only_if, "is_tracing");
	strcpy(args.first, "stop");
	target.idle = true;
	assert_int_equal(run(&args), CONTROL_IDLE);
	assert_string_equal(target.called, "is_tracing ");
}

static void undoes_what_was_given_up(void **state)
{
	struct control_args args = make_args();

	(void)state;
	strcpy(args.undo, "stop");
	target.withdraw = CONTROL_UNDOING;
	assert_int_equal(run(&args), CONTROL_UNDONE);
	assert_string_equal(target.called, "start stop ");
	args = make_args();
	target.withdraw = CONTROL_UNDOING;
	target.fails = true; /* it did nothing */
	assert_int_equal(run(&args), CONTROL_RAISED);
	assert_string_equal(target.called, "start ");
}

/* In a program that waits with the GIL held. */
static void the_holder_calls_itself(void **state)
{
	struct control_args args = make_args();

	(void)state;
	args.holder = 1;
	target.gil = 1;
	target.holds = true;
	run_copy((const void *)(uintptr_t)control_launch, &args);
	assert_int_equal(args.head.state, CONTROL_DONE);
	assert_int_equal(args.launched, 1);
	assert_string_equal(target.called, "start ");
	assert_int_equal(target.restored, 1);
	assert_int_equal(target.refs, 0);
	assert_int_equal(target.gc, 0);
}

/* It only waits: a thread is made. */
static void who_holds_nothing_makes_a_thread(void **state)
{
	struct control_args args = make_args();

	(void)state;
	args.holder = 1;
	args.stack = (uintptr_t)&target;
	args.stack_size = 4096;
	args.start = (uintptr_t)&target.arg;
	run_copy((const void *)(uintptr_t)control_launch, &args);
	assert_int_equal(args.head.state, CONTROL_NEW);
	assert_int_equal(target.ran, 1);
	assert_string_equal(target.called, "");
}

static void brings_the_exception(void **state)
{
	struct control_args args = make_args();

	(void)state;
	target.fails = true;
	assert_int_equal(run(&args), CONTROL_RAISED);
	assert_string_equal(args.type, "ValueError");
	assert_string_equal(args.text, "a text");
}

static void does_nothing_when_withdrawn(void **state)
{
	struct control_args args = make_args();

	(void)state;
	target.withdraw = CONTROL_WITHDRAWN;
	assert_int_equal(run(&args), CONTROL_WITHDRAWN);
	assert_int_equal(target.ran, 0);
	args = make_args();
	args.head.state = CONTROL_WITHDRAWN; /* before it has begun */
	assert_int_equal(run(&args), CONTROL_WITHDRAWN);
	assert_int_equal(target.ran, 0);
}

static void needs_a_living_interpreter(void **state)
{
	struct control_args args = make_args();

	(void)state;
	target.initialized = false;
	assert_int_equal(run(&args), CONTROL_NOT_READY);
	args = make_args();
	target.finalizing = true;
	assert_int_equal(run(&args), CONTROL_NOT_READY);
	assert_int_equal(target.ran, 0);
}

/* One that is there has an allocator of its own or not, others have ended. */
static uint32_t beside(uint32_t refuse, bool many, bool own, int64_t made)
{
	struct control_args args = make_args();

	args.refuse = refuse;
	args.made_at = (uintptr_t)&made;
	target.many = many;
	target.own = own;
	return run(&args);
}

static void refuses_company_where_told(void **state)
{
	const uint32_t no = CONTROL_SUBINTERPRETERS, yes = CONTROL_DONE;

	(void)state;
	assert_int_equal(beside(0, true, true, 9), yes);
	assert_int_equal(beside(CONTROL_REFUSE_OTHERS, true, false, 2), no);
	assert_int_equal(beside(CONTROL_REFUSE_OTHERS, false, false, 2), yes);
	assert_int_equal(beside(CONTROL_REFUSE_OWN, true, false, 2), yes);
	assert_int_equal(beside(CONTROL_REFUSE_OWN, true, true, 2), no);
	assert_int_equal(beside(CONTROL_REFUSE_ENDED, true, true, 2), yes);
	assert_int_equal(beside(CONTROL_REFUSE_ENDED, true, true, 3), no);
	assert_int_equal(beside(CONTROL_REFUSE_ENDED, false, false, 2), no);
	assert_int_equal(beside(CONTROL_REFUSE_ENDED, false, false, 1), yes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(launches_and_returns),
		cmocka_unit_test(calls_the_method),
		cmocka_unit_test(brings_the_exception),
		cmocka_unit_test(does_nothing_when_withdrawn),
		cmocka_unit_test(needs_a_living_interpreter),
		cmocka_unit_test(refuses_company_where_told),
		cmocka_unit_test(calls_one_after_the_other),
		cmocka_unit_test(undoes_what_was_given_up),
		cmocka_unit_test(the_holder_calls_itself),
		cmocka_unit_test(who_holds_nothing_makes_a_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
