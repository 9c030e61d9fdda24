/*
 * The allocation functions of a process: every function of the malloc family
 * that any of its images defines, found by symbol, also under the prefixes of
 * known allocators; and those that somebody has named.
 */
#ifndef TM_INJECT_FUNCTIONS_H
#define TM_INJECT_FUNCTIONS_H

#include <string.h>

#include "image/image.h"
#include "target/process.h"
#include "recorder/abi.h"

struct tm_function {
	const char *name;      /* static, or as it was given */
	const char *nothrow;   /* TM_HOOK_NEW: its variant's name */
	enum tm_recorder_kind kind;
	tm_addr address;
	uint64_t size;         /* 0: unknown */
	tm_addr module;        /* start of the image it is in */
	bool given;            /* by tm_given */
	bool skipped;          /* it is done without */
};

/* Functions that are known to the user: NAME, of which the first argument is the
 * size of a block (or the block to free), or NAME:2, the second. */
struct tm_given {
	const char *const *allocs;
	size_t nallocs;
	const char *const *frees;
	size_t nfrees;
};

enum { TM_UNHOOKED_LEN = 160 };

struct tm_functions {
	struct tm_function *items;
	size_t n, cap;
	struct tm_given given; /* set by the caller; borrowed */
	bool *seen;            /* some image has it: by name, its allocs and then its frees */
	bool stripped_static;  /* the program has no symbols at all */
	bool locks_memory;     /* some image calls mlockall() */
	unsigned noperators;   /* images of which operator new is hooked without a malloc */
	bool exceptions;       /* some image can throw them */
	bool glibc;            /* some image is it, which has unwind tables */
	bool maps;             /* set by the caller: also those that map memory */
	char unhooked[TM_UNHOOKED_LEN]; /* which are missed; "": none */
};

/* Is it what an allocator is all about, or has somebody asked for it? */
static inline bool tm_function_is_malloc(const struct tm_function *function)
{
	return function->given || strcmp(function->name, "malloc") == 0 ||
	       strcmp(function->name, "rpmalloc") == 0;
}

/*
 * Add what one image defines. The program itself (`is_program`), and each where a
 * function is looked for that somebody has named, is also asked for its .symtab, in
 * its file or a separate one: a static program has nothing else.
 */
void tm_functions_of_image(const struct tm_process *process,
			   const struct tm_image *image, bool is_program,
			   struct tm_functions *functions);
/* One more function, without a name that anybody has to know. */
void tm_functions_add(struct tm_functions *functions, const struct tm_function *function);
/* Of one image's: operator new's variant that does not throw. NULL: it is none, or has none. */
const struct tm_function *tm_function_variant(const struct tm_function *functions, size_t n,
					      const struct tm_function *function);
/* Without it what is found is not all that a process allocates with. */
bool tm_functions_have_malloc(const struct tm_functions *functions);
/* The first name that was given and that no image has; NULL: all were found. */
const char *tm_functions_missed(const struct tm_functions *functions);
void tm_functions_free(struct tm_functions *functions);

#endif
