/*
 * Runs in the target: see payload.h. Built without anything that needs the
 * rest of the program (stack protector, sanitizers, jump tables): the
 * Makefile has the flags, and a test executes a copy of the section.
 */
#include "control/payload.h"

#include <stdbool.h>
#include <stddef.h>

#include "arch/payload.h"

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
typedef void (*fn_err_restore)(void *type, void *value, void *traceback);
typedef int (*fn_has_feature)(void *interpreter, unsigned long feature);
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

/* module.method(arg), the GIL held: DONE, or IDLE when it gave something
 * false. */
IN_TARGET static enum control_state call_method(struct control_args *args,
						const char *method, const char *format)
{
	void *module = CALL(args, FN_IMPORT_MODULE, fn_ptr_ptr)(args->module);
	void *result = NULL;
	int is_true;

	if (module)
		result = CALL(args, FN_CALL_METHOD, fn_call_method)(
			module, method, format, args->arg);
	drop(args, module);
	if (!result) {
		take_exception(args);
		return CONTROL_RAISED;
	}
	is_true = CALL(args, FN_IS_TRUE, fn_attr)(result);
	drop(args, result);
	return is_true ? CONTROL_DONE : CONTROL_IDLE;
}

/* A method of tracemalloc's that acts gives None. */
IN_TARGET static enum control_state call_action(struct control_args *args,
						const char *method, const char *format)
{
	enum control_state end = call_method(args, method, format);

	return end == CONTROL_IDLE ? CONTROL_DONE : end;
}

/* Has it an allocator of its own? */
IN_TARGET static bool has_own(struct control_args *args, void *interpreter)
{
	enum { USE_MAIN_OBMALLOC = 1 << 5 }; /* Py_RTFLAGS_ of 3.12 */

	return args->fn[FN_HAS_FEATURE] &&
	       !CALL(args, FN_HAS_FEATURE, fn_has_feature)(interpreter, USE_MAIN_OBMALLOC);
}

IN_TARGET static void count_interpreters(struct control_args *args)
{
	void *at = CALL(args, FN_INTERPRETER_HEAD, fn_ptr_void)();
	int64_t made;

	for (; at; at = CALL(args, FN_INTERPRETER_NEXT, fn_ptr_ptr)(at)) {
		args->alive++;
		args->own += has_own(args, at);
	}
	if (!args->made_at)
		return;
	made = *(const volatile int64_t *)(uintptr_t)args->made_at;
	if (made > args->alive)
		args->ended = (uint32_t)(made - args->alive);
}

IN_TARGET static bool in_company(const struct control_args *args)
{
	return ((args->refuse & CONTROL_REFUSE_OTHERS) && args->alive > 1) ||
	       ((args->refuse & CONTROL_REFUSE_OWN) && args->own) ||
	       ((args->refuse & CONTROL_REFUSE_ENDED) && args->ended);
}

IN_TARGET static enum control_state act(struct control_args *args)
{
	enum control_state end = CONTROL_DONE;

	count_interpreters(args);
	if (in_company(args))
		return CONTROL_SUBINTERPRETERS;
	if (args->only_if[0])
		end = call_method(args, args->only_if, args->no_format);
	if (end == CONTROL_DONE && args->first[0])
		end = call_action(args, args->first, args->no_format);
	if (end == CONTROL_DONE)
		end = call_action(args, args->method, args->format);
	return end;
}

IN_TARGET static void finish(struct control_args *args, enum control_state state)
{
	__atomic_store_n(&args->head.state, (uint32_t)state, __ATOMIC_RELEASE);
}

/* False if somebody outside has changed it. */
IN_TARGET static bool advance(struct control_args *args, uint32_t from, uint32_t to)
{
	return __atomic_compare_exchange_n(&args->head.state, &from, to, false,
					   __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

/* Given up while it was executed? A free-threaded 3.13 waits for the other
 * threads inside of start(). */
IN_TARGET static enum control_state undo_if_told(struct control_args *args,
						 enum control_state end)
{
	if (advance(args, CONTROL_RUNNING, CONTROL_MADE) || end != CONTROL_DONE)
		return end;
	end = call_action(args, args->undo, args->no_format);
	return end == CONTROL_DONE ? CONTROL_UNDONE : end;
}

IN_TARGET static bool ready(struct control_args *args)
{
	return CALL(args, FN_IS_INITIALIZED, fn_int_void)() &&
	       !CALL(args, FN_IS_FINALIZING, fn_int_void)();
}

IN_TARGET void *control_thread(struct control_args *args)
{
	enum control_state end = CONTROL_WITHDRAWN;
	int gil;

	if (!ready(args)) {
		finish(args, CONTROL_NOT_READY);
		return NULL;
	}
	if (!advance(args, CONTROL_NEW, CONTROL_WAITING))
		return NULL;
	gil = CALL(args, FN_GIL_ENSURE, fn_int_void)();
	if (advance(args, CONTROL_WAITING, CONTROL_RUNNING))
		end = undo_if_told(args, act(args));
	CALL(args, FN_GIL_RELEASE, fn_void_int)(gil);
	finish(args, end);
	return NULL;
}

/* Needs no GIL: in all versions a look at variables of this thread or of the
 * runtime. */
IN_TARGET static bool holds_gil(struct control_args *args)
{
	void *state = CALL(args, FN_THIS_STATE, fn_ptr_void)();

	return state && state == CALL(args, FN_CURRENT_STATE, fn_ptr_void)();
}

/* On the thread that holds the GIL. What it may be about to raise is not
 * ours, and no finalizer of the program runs here. */
IN_TARGET static void act_as_holder(struct control_args *args)
{
	void *type = NULL, *value = NULL, *traceback = NULL;
	enum control_state end;
	int collects;

	if (!ready(args)) {
		finish(args, CONTROL_NOT_READY);
		return;
	}
	finish(args, CONTROL_RUNNING);
	CALL(args, FN_ERR_FETCH, fn_err_fetch)(&type, &value, &traceback);
	collects = args->fn[FN_GC_DISABLE] && CALL(args, FN_GC_DISABLE, fn_int_void)();
	end = undo_if_told(args, act(args));
	if (collects)
		CALL(args, FN_GC_ENABLE, fn_int_void)();
	CALL(args, FN_ERR_RESTORE, fn_err_restore)(type, value, traceback);
	finish(args, end);
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
	if (args->holder && holds_gil(args))
		act_as_holder(args);
	else
		args->launch_error = create(args);
	__atomic_store_n(&args->launched, 1, __ATOMIC_RELEASE);
	tm_payload_syscall(CONTROL_MARK, 0, 0, 0, 0);
}
