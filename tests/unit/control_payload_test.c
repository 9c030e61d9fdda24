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
	int gil, refs, ran, arg;
	bool initialized, finalizing, many, fails;
	struct control_args *args;
	uint32_t withdraw;
} target;

static int is_initialized(void) { return target.initialized; }
static int is_finalizing(void) { return target.finalizing; }
static void *head(void) { return &target; }
static void *next(void *at) { (void)at; return target.many ? &target : NULL; }

static int ensure(void)
{
	assert_int_equal(target.args->head.state, CONTROL_WAITING);
	if (target.withdraw)
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
	assert_string_equal(name, "start");
	assert_int_equal(target.args->head.state, CONTROL_RUNNING);
	va_start(args, format);
	target.arg = format[0] ? va_arg(args, int) : 0;
	va_end(args);
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
	assert_int_equal(run(&args), CONTROL_DONE);
	assert_int_equal(target.ran, 1);
	assert_int_equal(target.arg, 25);
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
	target.withdraw = 1;
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

static void refuses_subinterpreters_where_told(void **state)
{
	struct control_args args = make_args();

	(void)state;
	target.many = true;
	assert_int_equal(run(&args), CONTROL_DONE);
	args = make_args();
	args.alone = 1;
	target.many = true;
	assert_int_equal(run(&args), CONTROL_SUBINTERPRETERS);
	assert_int_equal(target.ran, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(launches_and_returns),
		cmocka_unit_test(calls_the_method),
		cmocka_unit_test(brings_the_exception),
		cmocka_unit_test(does_nothing_when_withdrawn),
		cmocka_unit_test(needs_a_living_interpreter),
		cmocka_unit_test(refuses_subinterpreters_where_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
