/*
 * Which of the ELF images in an address space are loaded, and which are mapped
 * as data only: files that the process reads for itself. The dynamic loader
 * keeps a list for debuggers; what the kernel has loaded is in the auxiliary
 * vector.
 */
#ifndef TM_IMAGE_LOADED_H
#define TM_IMAGE_LOADED_H

#include "image/image.h"

struct tm_loaded {
	const struct tm_maps *maps; /* borrowed */
	tm_addr program;     /* an address in it; 0: unknown */
	tm_addr *dynamics;   /* of all link maps: where their PT_DYNAMIC is */
	tm_addr *links;      /* where the link maps are themselves */
	size_t n, cap, links_cap;
	tm_addr debug;       /* the loader's struct r_debug; 0: there is none */
	tm_addr brk;         /* what it calls before and after it changes the list */
};

/* `pid` 0: no live process (a core). Never fails: a static program has no list. */
void tm_loaded_read(struct tm_mem *mem, const struct tm_maps *maps, pid_t pid,
		    struct tm_loaded *ret);
void tm_loaded_free(struct tm_loaded *loaded); /* works as a guard */

bool tm_loaded_has(const struct tm_loaded *loaded, const struct tm_image *image);
bool tm_loaded_has_program(const struct tm_loaded *loaded,
			   const struct tm_image *image);

/* Is its code mapped as code? Of an image that is loaded this is true, or will
 * be when its loader is done. */
bool tm_image_is_executable(const struct tm_image *image,
			    const struct tm_maps *maps);

#endif
