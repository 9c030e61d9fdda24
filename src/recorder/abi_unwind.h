/*
 * The part of abi.h that is about finding the callers of a function: the rows
 * that tmattach makes of .eh_frame, and the walk that a thread did last.
 * Included by abi.h alone.
 */
#ifndef TM_RECORDER_ABI_UNWIND_H
#define TM_RECORDER_ABI_UNWIND_H

#include <stdint.h>

#include "recorder/abi_python.h"

struct tm_recorder_range {
	uint64_t address;
	uint64_t size;
};

/*
 * How to find the caller of a frame whose pc lies at or behind `pc` (relative
 * to the module's bias), in `how`: bits 0-2 the kind, bits 3-17 the offset of
 * the CFA in words (signed), bits 18-31 how many words below the CFA the
 * caller's frame pointer is saved (0: not saved).
 */
struct tm_recorder_row {
	uint32_t pc;
	uint32_t how;
};

enum tm_recorder_row_kind {
	TM_ROW_NONE,      /* unknown: only frame pointers can help */
	TM_ROW_SP,        /* CFA = sp + offset */
	TM_ROW_FP,        /* CFA = fp + offset */
	TM_ROW_FP_DEREF,  /* CFA = *(fp + offset), caller's fp = *fp: a
			     realigned stack */
	TM_ROW_SIGNAL,    /* a struct ucontext stands at sp + offset */
	TM_ROW_PLT,       /* an entry of a procedure linkage table; or with fp words
			     TM_ROW_TO_GO: C returns to Go, whose g is kept in the word
			     at sp + offset (tm_code_returns_to_go()) */
	TM_ROW_END,       /* the outermost frame */
	TM_ROW_SP_DEREF,  /* CFA = *(sp + offset) */
};

enum { TM_ROW_TO_GO = 1 };

static inline uint32_t tm_row_how(enum tm_recorder_row_kind kind, int cfa_words,
				  unsigned fp_words)
{
	return (uint32_t)kind | ((uint32_t)cfa_words & 0x7fff) << 3 |
	       fp_words << 18;
}

static inline int tm_row_cfa(uint32_t how)
{
	return (int32_t)(how << 14) >> 17;
}

static inline unsigned tm_row_fp(uint32_t how)
{
	return how >> 18;
}

struct tm_recorder_module {
	uint64_t start, end; /* addresses of its code */
	uint64_t bias;
	uint64_t rows;       /* offset of its rows, ascending by pc */
	uint64_t nrows;
	uint64_t id;         /* of the file it is mapped from */
};

/* What is known about the address space; replaced as a whole. */
struct tm_recorder_space {
	uint32_t nmodules;
	uint32_t nstacks;
	uint32_t changes;    /* of the loader, that are in here */
	uint32_t reserved;
	uint64_t main_stack; /* end of the main thread's stack */
	uint64_t stacks;     /* offset of struct tm_recorder_range[nstacks] */
	uint64_t modules;    /* offset of struct tm_recorder_module[nmodules],
				ascending by start */
};

/*
 * How a thread's last stack was walked, so that the next walk need not look up
 * what has not changed. `steps` are oldest first; each says where in the stack
 * it was read, and counts only while the same is still there.
 */
struct tm_recorder_step {
	uint64_t pc;    /* read where the frame before returns to */
	uint64_t sp;
	uint64_t fp;
	uint64_t fp_at; /* where fp was read; 0: nowhere, as in the newer frame;
			   1: this step cannot be checked again */
};

enum { TM_MEMO_STEPS = 128 };

struct tm_recorder_memo {
	uint32_t busy;  /* its thread is at it */
	uint32_t n;
	uint32_t ended; /* the oldest step is the outermost frame, */
	uint32_t taken; /* frames of the last walk, */
	uint32_t stack; /* and the id of its stack; 0: not kept */
	uint32_t changes; /* of the loader, when it was walked */
	uint64_t cut;   /* or what it is cut by: the space that has no row for it */
	uint32_t unused[8];
	struct tm_recorder_step steps[TM_MEMO_STEPS];
	struct tm_recorder_step fresh[TM_MEMO_STEPS]; /* newest first */
	struct tm_recorder_py_memo python; /* has nothing to do with the others */
};

#endif
