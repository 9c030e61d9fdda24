/*
 * Runs in the target: see payload.h. Built without anything that needs the
 * rest of the program (stack protector, sanitizers, jump tables): the
 * Makefile has the flags, and a test executes a copy of the section.
 */
#include "control/payload.h"

#include <stdbool.h>
#include <stddef.h>

#define IN_TARGET __attribute__((section("tm_payload")))
#define CALL(args, id, type) ((type)(uintptr_t)(args)->fn[id])

typedef int (*fn_int_void)(void);
typedef void (*fn_void_int)(int);
typedef void *(*fn_ptr_void)(void);
typedef void *(*fn_ptr_ptr)(const void *);
typedef void (*fn_void_void)(void);
typedef void (*fn_void_ptr)(void *);
typedef void *(*fn_get_attr)(void *object, const char *name);
typedef void *(*fn_call_method)(void *object, const char *name,
				const char *format, ...);
typedef void (*fn_err_fetch)(void **type, void **value, void **traceback);
typedef int (*fn_attr)(void *attr);
typedef int (*fn_attr_stack)(void *attr, void *stack, size_t size);
typedef int (*fn_attr_int)(void *attr, int value);
typedef int (*fn_thread_create)(void *thread, void *attr,
				void *start, struct control_args *args);

IN_TARGET static void copy_text(struct control_args *args, void *str, char *to,
				size_t size)
{
	const char *from = str ? CALL(args, FN_AS_UTF8, fn_ptr_ptr)(str) : NULL;
	size_t i = 0;

	for (; from && from[i] && i + 1 < size; i++)
		((volatile char *)to)[i] = from[i];
	to[i] = '\0';
	if (!from)
		CALL(args, FN_ERR_CLEAR, fn_void_void)();
}

IN_TARGET static void drop(struct control_args *args, void *object)
{
	if (object)
		CALL(args, FN_DEC_REF, fn_void_ptr)(object);
}

/* "ValueError" and its message, and no exception is set any more. */
IN_TARGET static void take_exception(struct control_args *args)
{
	void *type = NULL, *value = NULL, *traceback = NULL, *name, *text;

	CALL(args, FN_ERR_FETCH, fn_err_fetch)(&type, &value, &traceback);
	name = type ? CALL(args, FN_GET_ATTR, fn_get_attr)(type, args->name) : NULL;
	copy_text(args, name, args->type, sizeof(args->type));
	text = value ? CALL(args, FN_OBJECT_STR, fn_ptr_ptr)(value) : NULL;
	copy_text(args, text, args->text, sizeof(args->text));
	drop(args, name);
	drop(args, text);
	drop(args, type);
	drop(args, value);
	drop(args, traceback);
}

/* module.method(arg), the GIL held. */
IN_TARGET static enum control_state call_method(struct control_args *args)
{
	void *module = CALL(args, FN_IMPORT_MODULE, fn_ptr_ptr)(args->module);
	void *result = NULL;

	if (module)
		result = CALL(args, FN_CALL_METHOD, fn_call_method)(
			module, args->method, args->format, args->arg);
	drop(args, module);
	if (!result) {
		take_exception(args);
		return CONTROL_RAISED;
	}
	drop(args, result);
	return CONTROL_DONE;
}

IN_TARGET static enum control_state act(struct control_args *args)
{
	void *interpreter;

	if (args->alone) {
		interpreter = CALL(args, FN_INTERPRETER_HEAD, fn_ptr_void)();
		if (CALL(args, FN_INTERPRETER_NEXT, fn_ptr_ptr)(interpreter))
			return CONTROL_SUBINTERPRETERS;
	}
	return call_method(args);
}

IN_TARGET static void finish(struct control_args *args, enum control_state state)
{
	__atomic_store_n(&args->head.state, (uint32_t)state, __ATOMIC_RELEASE);
}

/* False if it was withdrawn. */
IN_TARGET static bool advance(struct control_args *args, uint32_t from, uint32_t to)
{
	return __atomic_compare_exchange_n(&args->head.state, &from, to, false,
					   __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

IN_TARGET void *control_thread(struct control_args *args)
{
	enum control_state end = CONTROL_WITHDRAWN;
	int gil;

	if (!CALL(args, FN_IS_INITIALIZED, fn_int_void)() ||
	    CALL(args, FN_IS_FINALIZING, fn_int_void)()) {
		finish(args, CONTROL_NOT_READY);
		return NULL;
	}
	if (!advance(args, CONTROL_NEW, CONTROL_WAITING))
		return NULL;
	gil = CALL(args, FN_GIL_ENSURE, fn_int_void)();
	if (advance(args, CONTROL_WAITING, CONTROL_RUNNING))
		end = act(args);
	CALL(args, FN_GIL_RELEASE, fn_void_int)(gil);
	finish(args, end);
	return NULL;
}

IN_TARGET static int create(struct control_args *args)
{
	enum { DETACHED = 1 }; /* PTHREAD_CREATE_DETACHED, glibc and musl */
	int error = CALL(args, FN_ATTR_INIT, fn_attr)(args->attr);

	if (!error)
		error = CALL(args, FN_ATTR_SET_STACK, fn_attr_stack)(
			args->attr, (void *)(uintptr_t)args->stack,
			(size_t)args->stack_size);
	if (!error)
		error = CALL(args, FN_ATTR_SET_DETACH_STATE, fn_attr_int)(
			args->attr, DETACHED);
	if (!error)
		error = CALL(args, FN_THREAD_CREATE, fn_thread_create)(
			&args->thread, args->attr,
			(void *)(uintptr_t)args->start, args);
	return error;
}

IN_TARGET void control_launch(struct control_args *args)
{
	long result = CONTROL_MARK;

	args->launch_error = create(args);
	__atomic_store_n(&args->launched, 1, __ATOMIC_RELEASE);
	__asm__ volatile("syscall" : "+a"(result) : : "rcx", "r11", "memory");
}
