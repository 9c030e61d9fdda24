/*
 * The part of abi.h that is about the code in the target: what its functions are, and the
 * words it is started with. Included by abi.h alone.
 */
#ifndef TM_RECORDER_ABI_CODE_H
#define TM_RECORDER_ABI_CODE_H

/* What the allocation functions do, as the hooks see it. */
enum tm_recorder_kind {
	TM_HOOK_MALLOC,       /* (size, ...) -> block */
	TM_HOOK_CALLOC,       /* (n, size) -> block */
	TM_HOOK_REALLOC,      /* (block, size, ...) -> block */
	TM_HOOK_REALLOCARRAY, /* (block, n, size) -> block */
	TM_HOOK_ALIGNED,      /* (alignment, size) -> block */
	TM_HOOK_POSIX_MEMALIGN, /* (&block, alignment, size) -> 0 or errno */
	TM_HOOK_FREE,         /* (block, ...) */
	TM_HOOK_NEW,          /* (size, ...) -> block, or throws */
	TM_HOOK_LOADER,       /* (): the list of modules changes, or has changed */
	TM_HOOK_MMAP,         /* (address, size, protection, flags, ...) -> address */
	TM_HOOK_MUNMAP,       /* (address, size) -> 0 */
	TM_HOOK_MREMAP,       /* (address, size, new size, flags, ...) -> address */
	TM_HOOK_BRK,          /* (end) -> 0 */
	TM_HOOK_COUNT,
};

/* Does a function of this kind give out or take blocks? */
static inline int tm_recorder_allocates(uint32_t kind)
{
	return kind < TM_HOOK_LOADER;
}

struct tm_recorder_code {
	uint32_t version;
	uint32_t magic;
	uint64_t size;   /* of the mapping and the gate behind it */
	uint64_t table;  /* address; 0: not set up yet */
	uint64_t table_size;
	uint64_t gate;   /* address */
	uint32_t hooks[TM_HOOK_COUNT]; /* offset of each hook in the image */
	uint32_t nallocators; /* near areas with functions that allocate */
	uint32_t rest; /* offset; see struct tm_recorder_call */
	uint32_t nnear;
	struct tm_recorder_range near[TM_RECORDER_MAX_NEAR];
	struct tm_recorder_py_word py_words[TM_PY_WORDS];
	uint64_t clock; /* address of the vDSO's clock_gettime(); 0: blocks have no age */
	uint32_t at_clock; /* offset: the return address on the stack of a thread that is there */
	uint32_t notes_frees; /* see struct tm_recorder_thread */
};

/* What a hook is called with besides the arguments of the function. */
struct tm_recorder_entry {
	uint64_t original; /* continues the function as it was */
	uint64_t nothrow;  /* TM_HOOK_NEW: the original that does not throw, or 0 */
};

/*
 * What the stack of a thread holds while it is in a function that a hook has
 * called: the return address code + `rest`, and this right above it. None of
 * it is needed to return to the caller but fp and pc: any code that ends a
 * function by its frame pointer does as a return address. `left`: by the
 * function that was called.
 */
struct tm_recorder_call {
	uint64_t args[3];
	uint64_t left_result;
	uint64_t left_flags; /* as the hook keeps them */
	uint64_t left_first; /* where its first argument was */
	uint64_t old_size; /* of a block that moves, if `known` */
	uint32_t old_stack;
	uint32_t known;
	uint32_t epoch;
	uint32_t old_birth;
	uint64_t not_after; /* ~address of the code that will be called */
	uint64_t scratch;   /* the register that the hook uses itself */
	uint64_t not_entry; /* ~address of the struct tm_recorder_entry; of the
			       struct tm_recorder_py_word in the head */
	uint64_t fp;        /* of the caller, */
	uint64_t pc;        /* which goes on here */
};

/* What its stack holds above the return address while a hook forgets a block that goes.
 * Then the function goes on with nothing of ours on the stack. */
struct tm_recorder_freeing {
	uint64_t block;
	uint64_t kept[3];
	uint64_t not_entry; /* as in a call */
	uint64_t fp;
	uint64_t pc;
};

/* One patched function. `original` are its first `length` bytes, of which the
 * first are `patched`, a jump, while the hook is in place. */
struct tm_recorder_patch {
	struct tm_recorder_entry entry;
	uint64_t function;
	uint8_t length;
	uint8_t kind;
	uint8_t original[24];
	uint8_t patched[6];
};

/* The head of a near area; its stubs and trampolines stand behind it. */
struct tm_recorder_near {
	uint32_t version;
	uint32_t magic;
	uint32_t npatches;
	uint32_t reserved;
	struct tm_recorder_patch patches[];
};

#endif
