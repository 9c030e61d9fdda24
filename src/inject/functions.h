/*
 * The allocation functions of a process: every function of the malloc family
 * that any of its images defines, found by symbol.
 */
#ifndef TM_INJECT_FUNCTIONS_H
#define TM_INJECT_FUNCTIONS_H

#include "image/image.h"
#include "target/process.h"
#include "tmattach/recorder_abi.h"

struct tm_function {
	const char *name;      /* static */
	const char *nothrow;   /* TM_HOOK_NEW: its variant's name */
	enum tm_recorder_kind kind;
	tm_addr address;
	uint64_t size;         /* 0: unknown */
	tm_addr module;        /* start of the image it is in */
};

struct tm_functions {
	struct tm_function *items;
	size_t n, cap;
	bool stripped_static;  /* the program has no symbols at all */
};

/*
 * Add what one image defines. The program itself (`is_program`) is also asked
 * for its .symtab: a static program has nothing else.
 */
void tm_functions_of_image(const struct tm_process *process,
			   const struct tm_image *image, bool is_program,
			   struct tm_functions *functions);
/* Without it what is found is not all that a process allocates with. */
bool tm_functions_have_malloc(const struct tm_functions *functions);
void tm_functions_free(struct tm_functions *functions);

#endif
