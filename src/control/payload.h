/*
 * The code that runs in the target: position independent, without data,
 * without a call that is not in struct control_args. It is compiled into a
 * section of its own, copied into the target, and started twice:
 *
 *   control_launch(args)  on a borrowed thread of the target: makes the helper
 *                         thread, or the call itself if it holds the GIL in
 *                         a program that waits with it (process.h), then
 *                         executes the system call
 *                         CONTROL_MARK, at which we take the thread back; if
 *                         nobody does, it returns into a signal restorer, on
 *                         a frame that gives the thread everything back;
 *   control_thread(args)  on that helper thread: takes the GIL as any foreign
 *                         thread does, makes one call, and ends.
 *
 * Both sides share only the struct: fixed-width fields, addresses of the
 * target. Private to src/control.
 */
#ifndef TM_CONTROL_PAYLOAD_H
#define TM_CONTROL_PAYLOAD_H

#include <stdint.h>
#include <sys/syscall.h>

#include "control/refusal.h"

enum { CONTROL_MARK = SYS_getpid }; /* harmless without a tracer */

enum control_state {
	CONTROL_NEW,            /* the thread has not begun */
	CONTROL_WAITING,        /* it waits for the GIL */
	CONTROL_RUNNING,        /* it has the GIL and executes the call */
	/* Written from outside, and only while the target is stopped: a
	 * WAITING thread will do nothing but end, a RUNNING one will undo its
	 * call and end as if it had done nothing. */
	CONTROL_WITHDRAWN,
	CONTROL_UNDOING,
	CONTROL_MADE,           /* the call is over; the GIL is let go */
	/* Final: it will not touch the struct again. */
	CONTROL_DONE,
	CONTROL_RAISED,         /* the call raised: see type and text */
	CONTROL_NOT_READY,      /* no interpreter, or it is shutting down */
	CONTROL_SUBINTERPRETERS, /* more than one, and that would be harmful */
	CONTROL_UNDONE,         /* the call was made and undone again */
	CONTROL_IDLE,           /* only_if was false: the call was not made */
};

/* Functions of the target, in the order of control/symbols.c. */
enum control_function {
	FN_ATTR_INIT,
	FN_ATTR_SET_STACK,
	FN_ATTR_SET_DETACH_STATE,
	FN_THREAD_CREATE,
	FN_IS_INITIALIZED,
	FN_IS_FINALIZING,
	FN_GIL_ENSURE,
	FN_GIL_RELEASE,
	FN_THIS_STATE,
	FN_CURRENT_STATE,
	FN_INTERPRETER_HEAD,
	FN_INTERPRETER_NEXT,
	FN_HAS_FEATURE,                 /* 0: this version has none */
	FN_IMPORT_MODULE,
	FN_CALL_METHOD,
	FN_ERR_FETCH,
	FN_ERR_RESTORE,
	FN_GET_ATTR,
	FN_OBJECT_STR,
	FN_AS_UTF8,
	FN_IS_TRUE,
	FN_DEC_REF,
	FN_ERR_CLEAR,
	FN_GC_DISABLE,                  /* 0: this version has none, nor its inverse */
	FN_GC_ENABLE,
	FN_COUNT,
};

/* The raw allocators as tracemalloc has them, which have been taken out of their table
 * (drain.h): context, malloc, calloc, realloc, free. */
enum { CONTROL_TABLE_WORDS = 5 };

struct control_taken {
	uint64_t table;                 /* 0: nothing was taken */
	uint64_t words[CONTROL_TABLE_WORDS];
};

/* How it is known again after its tmattach was killed: the same in every
 * version (stray.h), but for `taken`, which is checked before it is believed. */
struct control_head {
	char magic[16];
	uint64_t start, len;            /* of the whole mapping */
	uint64_t owner_time, owner_space; /* the tmattach that made it: its start
					   time and its pid namespace */
	int32_t owner;                  /* its pid */
	uint32_t state;                 /* enum control_state */
	struct control_taken taken;
};
#define CONTROL_MAGIC "tmattach control"

struct control_args {
	struct control_head head;
	uint64_t fn[FN_COUNT];
	uint64_t stack, stack_size;     /* of the helper thread */
	uint64_t start;                 /* control_thread() in the target */
	uint64_t attr[32];              /* pthread_attr_t: 56 bytes in glibc */
	uint64_t thread;
	int32_t launch_error;           /* 0 or errno of pthread_create() */
	uint32_t launched;              /* 1: launch_error is valid */

	uint32_t holder;                /* 1: the borrowed thread makes the call
					   itself if it holds the GIL */
	uint32_t refuse;                /* enum control_refusal */
	uint64_t made_at;               /* int64_t: how many interpreters there
					   ever were; 0: not known where */
	int32_t arg;
	char module[16], method[24], name[16];
	/* Methods, or "": only if this one is true; this one first, without an
	 * argument; the one that takes the call back. */
	char only_if[16], first[24], undo[24];
	char format[4];                 /* of PyObject_CallMethod(): "i" or "" */
	char no_format[4];              /* "" */

	/* Interpreters that there are, that have an allocator of their own, and
	 * that there were, just before the call. */
	uint32_t alive, own, ended;
	char type[64];                  /* the exception's type and text */
	char text[512];
};

/* Where the code is in us; its length, and the entry points in it. */
extern const char control_payload_begin[] __asm__("__start_tm_payload");
extern const char control_payload_end[] __asm__("__stop_tm_payload");
void control_launch(struct control_args *args);
void *control_thread(struct control_args *args);

#endif
