/*
 * The part of abi.h that is about CPython: its allocator tables, how its frames
 * are found, and what is kept of its code objects. Included by abi.h alone.
 *
 * CPython calls its allocators through three tables, one a domain, of a context
 * and four functions. The hooks are addresses written over those functions;
 * contexts stay as they are. A hook is called as the function it stands for, so
 * the rules of calls through pointers are all that it has to keep.
 */
#ifndef TM_RECORDER_ABI_PYTHON_H
#define TM_RECORDER_ABI_PYTHON_H

#include <stdint.h>

/* ---- the words of the allocator tables ------------------------------------- */

enum tm_recorder_py_domain {
	TM_PY_RAW, TM_PY_MEM, TM_PY_OBJ, TM_PY_DOMAINS,
	TM_PY_OF_C = TM_PY_DOMAINS, /* none: malloc's */
};

enum tm_recorder_py_function {
	TM_PY_MALLOC,  /* (ctx, size) -> block */
	TM_PY_CALLOC,  /* (ctx, n, size) -> block */
	TM_PY_REALLOC, /* (ctx, block, size) -> block */
	TM_PY_FREE,    /* (ctx, block) */
	TM_PY_FUNCTIONS,
};

/*
 * Behind them one word that is no allocator's: what CPython calls with each object that
 * it makes, out of a new block or of one that it had kept, and with each that ends
 * (ref_tracer.tracer_func of _PyRuntime, 3.13 on). Mostly it holds 0. What stood there
 * is called by the hook, with the data that stands beside the word.
 */
enum { TM_PY_TRACER = TM_PY_DOMAINS * TM_PY_FUNCTIONS, TM_PY_WORDS };

static inline unsigned tm_py_word(enum tm_recorder_py_domain domain,
				  enum tm_recorder_py_function function)
{
	return (unsigned)domain * TM_PY_FUNCTIONS + (unsigned)function;
}

/* Which hooks are used; all words of a process get those of one set. */
enum tm_recorder_py_set {
	/* Sampled, pymalloc under mem and obj: a block of theirs that is taken
	 * is asked for as a large one, which pymalloc gets from raw. So its end
	 * is seen there, and mem.free and obj.free have no hooks. Begun where there
	 * is one GIL. */
	TM_PY_PROMOTE,
	/* Exact, and sampled with everything else under mem and obj. */
	TM_PY_RECORD,
	TM_PY_SETS,
};

/* pymalloc: the largest block that it serves itself (SMALL_REQUEST_THRESHOLD of
 * Objects/obmalloc.c, pycore_obmalloc.h; 3.7 to 3.15). */
enum { TM_PY_SMALL = 512 };

/* One word, in struct tm_recorder_code: by tm_py_word(). */
struct tm_recorder_py_word {
	uint64_t original; /* what stood there; where the hook goes on */
	uint64_t ours;     /* what stands there instead; 0: nothing of ours */
	uint64_t address;  /* of the word */
	/* TM_PY_RECORD: the largest block that is recorded here. TM_PY_SMALL for
	 * mem and obj where pymalloc gets larger ones from raw; else UINT64_MAX. */
	uint64_t most;
};

/* In `known` of the struct tm_recorder_call of such a hook. */
enum { TM_PY_WAS_KNOWN = 1, TM_PY_TAKEN = 2, TM_PY_OUTERMOST = 4 };

/* ---- frames ----------------------------------------------------------------- */

enum tm_recorder_py_access_kind {
	TM_PY_NOWHERE,
	TM_PY_GLOBAL,     /* in the word at address `at` */
	TM_PY_OF_THREAD,  /* at the thread pointer + `at` */
	TM_PY_TLS_BLOCK,  /* at `at` in the thread's block of TLS module `module` */
	TM_PY_TLS_MUSL,   /* the same of musl */
	TM_PY_POINTED,    /* `at` behind what the word at the thread pointer + `module`
			     points to; nowhere as long as that is 0 */
};

/* Where a thread finds the address of a PyThreadState. */
struct tm_recorder_py_access {
	uint32_t kind;
	uint32_t module;
	uint64_t at;
};

enum tm_recorder_py_instr {
	TM_PY_INSTR_INDEX,   /* int f_lasti: until 3.10 */
	TM_PY_INSTR_ADDRESS, /* of an instruction: 3.11 on */
};

enum { TM_PY_ABSENT = UINT16_MAX };

/* Flags of struct tm_recorder_python. */
enum {
	/* An allocator of one domain may be served by another domain's, at another
	 * address (debug hooks, others' hooks): the outermost call counts. */
	TM_PY_NESTED = 1,
	/*
	 * malloc's family is hooked, too: what C code takes is recorded, in a domain of
	 * its own. Blocks of raw come from there, and are the business of raw's hooks:
	 * these leave a note in `inside` of struct tm_recorder_thread, where the stack
	 * has the return address of their caller, and the next call of the family that
	 * comes from within TM_PY_NOTE_REACH bytes below takes it and does nothing else.
	 */
	TM_PY_WITH_C = 2,
};

enum { TM_PY_NOTE_REACH = 256 };

/*
 * How C functions are merged between the Python functions of a stack. Each call of
 * the evaluation loop has a structure among its C variables to which the chain of
 * frames leads: the C frame that it lies in is the evaluator's, whatever that is
 * called, and stands for the Python frames up to the structure.
 */
enum tm_recorder_py_merge {
	TM_PY_APART,           /* no C functions */
	TM_PY_BY_CFRAME_EACH,  /* 3.10: a CFrame for each Python frame */
	TM_PY_BY_CFRAME,       /* 3.11: a _PyCFrame, which has its newest frame */
	TM_PY_BY_ENTRY_FRAME,  /* 3.12 on: a frame of the interpreter's own, one
				* of `foreign_owner`, in the chain itself */
};

/* What the recorder knows of this CPython. Offsets; TM_PY_ABSENT where the
 * version has none. All zero: no Python frames are read. */
struct tm_recorder_python {
	uint32_t set;      /* enum tm_recorder_py_set */
	uint32_t flags;
	/* The state of the thread that holds the GIL, or is attached: mem and
	 * obj. Where it is a global word, raw does not ask it. */
	struct tm_recorder_py_access attached;
	/* A state of this thread, attached or not: raw. */
	struct tm_recorder_py_access known;
	uint64_t code_type;          /* address of PyCode_Type */
	/* PyThreadState */
	uint16_t thread_id;          /* holds the thread pointer */
	uint16_t thread_frame;       /* leads to the newest frame: */
	uint16_t cframe_frame;       /* 3.11, 3.12: by a _PyCFrame */
	/* PyFrameObject until 3.10, then _PyInterpreterFrame */
	uint16_t frame_previous, frame_code, frame_instr;
	uint16_t frame_owner, frame_tlbc;
	/* PyCodeObject */
	uint16_t code_filename;
	uint16_t code_name;          /* co_qualname; co_name before 3.11 */
	uint16_t code_firstlineno, code_lines;
	uint16_t code_instrs;        /* 3.11 on: the instructions themselves */
	uint16_t code_firsttraceable;
	uint16_t code_tlbc;
	/* PyObject, PyBytesObject, PyASCIIObject, PyCompactUnicodeObject */
	uint16_t object_type, bytes_size, bytes_data;
	uint16_t str_length, str_state, str_ascii, str_compact;
	uint8_t str_kind_shift;      /* of the bits of `kind` in the state */
	uint8_t instr;               /* enum tm_recorder_py_instr */
	uint8_t foreign_owner;       /* the lowest frame_owner of what is no
				      * Python function's; 0: none is */
	uint8_t merge;               /* enum tm_recorder_py_merge */
	/* PyThreadState, and what it leads to */
	uint16_t thread_cframe, cframe_previous;
	/* TM_PY_PROMOTE: the way to the GIL that a thread uses; interp_gil is
	 * TM_PY_ABSENT where there is but one. */
	uint16_t thread_interp, interp_gil;
	/* PyTypeObject; TM_PY_TRACER asks it how much of its block is before an object */
	uint16_t type_flags;
	uint16_t gc_head;            /* bytes, if flags have one of: */
	uint32_t gc_flags;
	uint32_t preheader_flags;    /* for these TM_PY_PREHEADER bytes */
	uint32_t reserved;
	uint64_t image_start, image_end; /* code of the image with the evaluator */
};

/* The words of a dictionary and of weak references, before an object or its GC head
 * (_PyType_PreHeaderSize() of pycore_object.h, 3.13 to 3.15). */
enum { TM_PY_PREHEADER = 16 };

/* PyRefTracer_CREATE (object.h, 3.13 to 3.15): an object is made. */
enum { TM_PY_CREATE = 0 };

/* FRAME_OWNED_BY_GENERATOR (pycore_frame.h, 3.11 to 3.15): complete wherever
 * it stands. */
enum { TM_PY_OWNED_BY_GENERATOR = 1 };

/*
 * A Python frame among the pcs of a struct tm_recorder_stack: bit 63 is set,
 * which it is in no address of code; bits 32-62 are the id of its code, 0 if
 * there was no room for that; bits 0-31 say where in it the frame is: f_lasti as
 * it stands (bytes until 3.9, then words), from 3.11 on the distance of the
 * instruction from the first in bytes, as a signed number.
 */
#define TM_PY_FRAME (1ull << 63)

static inline uint64_t tm_py_frame(uint32_t code, uint32_t at)
{
	return TM_PY_FRAME | (uint64_t)code << 32 | at;
}

static inline uint32_t tm_py_frame_code(uint64_t pc)
{
	return (uint32_t)(pc >> 32) & 0x7fffffff;
}

static inline int32_t tm_py_frame_at(uint64_t pc)
{
	return (int32_t)(uint32_t)pc;
}

/* ---- the code area --------------------------------------------------------------- */

/*
 * A record of the code area: a text, or what a code object said when it was first
 * seen in a frame. id = offset in the area / 8; id 0 means unknown. What is equal
 * has one record, so code objects of equal content have one id. Written once;
 * valid as long as the recorder is: the epoch does not change it.
 */
struct tm_recorder_py_record {
	uint32_t next;  /* id of the next in the bucket */
	uint32_t hash;
	uint32_t kind;
	uint32_t size;  /* of `bytes` */
	unsigned char bytes[];
};

enum tm_recorder_py_kind {
	TM_PY_BYTES = 0,
	TM_PY_CHARS_1 = 1, /* a str, by bytes per character */
	TM_PY_CHARS_2 = 2,
	TM_PY_CHARS_4 = 4,
	TM_PY_CODE = 8,    /* struct tm_recorder_py_code */
};

struct tm_recorder_py_code {
	uint32_t filename, name, lines; /* ids of records; 0: it could not be read */
	int32_t first_line;
	int32_t first_traceable; /* in words of 2 bytes; 0: no such field */
	uint32_t reserved;
};

/*
 * Exact mode: what the frames of a thread said when they were last looked at, and
 * its last stack as a whole. A code object that ends makes all of it void.
 */
struct tm_recorder_py_frame {
	uint64_t frame; /* address; 0: nothing is kept here */
	uint64_t code, instr; /* as they stand in the frame */
	uint64_t word;  /* 0: none; tracemalloc does not count such a frame */
};

enum { TM_PY_MEMO_FRAMES_LOG2 = 6, TM_PY_MEMO_WORDS = 128, TM_PY_RECENT_LOG2 = 5 };

struct tm_recorder_py_memo {
	uint64_t generation; /* counts code objects that ended */
	uint32_t stack;      /* the last one's id; 0: not kept */
	uint32_t nwalked;    /* frames that were looked at for it */
	uint16_t more;
	uint16_t reserved[23];
	uint64_t recent[1 << TM_PY_RECENT_LOG2]; /* stacks: hash and id */
	uint64_t words[TM_PY_MEMO_WORDS]; /* of the last stack, newest first, */
	struct tm_recorder_py_frame walked[TM_PY_MEMO_WORDS]; /* and the first frames, with
							       * those without a word */
	struct tm_recorder_py_frame frames[1 << TM_PY_MEMO_FRAMES_LOG2]; /* by address and
									 * instruction */
};

/* Which record a code object has, by its address. Its content is compared before
 * that is believed; exact mode compares what else is here. */
struct tm_recorder_py_cached {
	uint64_t seq;   /* odd while it is written */
	uint64_t code;
	uint64_t filename, name, lines; /* addresses */
	int32_t first_line;
	uint32_t id;
	uint64_t reserved[2];
};

enum {
	TM_PY_CODES_LOG2 = 26,        /* bytes of the area, at most */
	TM_PY_CODE_BUCKETS_LOG2 = 14,
	TM_PY_CODE_CACHE_LOG2 = 12,
	TM_PY_MAX_TEXT = 1 << 20,     /* bytes; what is longer is not kept */
	TM_PY_MAX_WALK = 512,         /* frames looked at, of a stack */
};

_Static_assert(sizeof(struct tm_recorder_py_word) == 32, "ABI");
_Static_assert(sizeof(struct tm_recorder_py_code) == 24, "ABI");
_Static_assert(sizeof(struct tm_recorder_py_record) == 16, "ABI");
_Static_assert(sizeof(struct tm_recorder_py_cached) == 64, "ABI");
_Static_assert(sizeof(struct tm_recorder_py_memo) % 64 == 0, "ABI");

#endif
