/*
 * A loaded ELF image as it is in the target's memory. Everything is read
 * from memory, so that deleted or upgraded files, other mount namespaces and
 * stripped binaries make no difference; the file, where it can be opened and
 * is the same one, adds .symtab (image_file.h).
 */
#ifndef TM_IMAGE_IMAGE_H
#define TM_IMAGE_IMAGE_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/range.h"
#include "mem/mem.h"
#include "target/maps.h"
#include "tmattach/err.h"

enum { TM_IMAGE_MAX_SEGMENTS = 16 };

struct tm_image {
	const char *path;            /* as in maps; borrowed from it */
	const struct tm_region *first; /* its lowest mapping; borrowed */
	tm_addr bias;                /* added to the addresses in the file */
	uint64_t entry;              /* where it begins; in the file, 0: nowhere */
	struct tm_range whole;
	struct tm_range segments[TM_IMAGE_MAX_SEGMENTS]; /* PT_LOAD */
	uint32_t flags[TM_IMAGE_MAX_SEGMENTS];           /* PF_R, PF_W, PF_X */
	size_t nsegments;
	uint8_t build_id[32];
	size_t build_id_len;
	tm_addr eh_frame_hdr;        /* PT_GNU_EH_FRAME; 0: none */
	tm_addr dynamic;             /* PT_DYNAMIC; 0: none */
	tm_addr debug;               /* what the loader put into DT_DEBUG */
	bool relocated;              /* pointers in PT_DYNAMIC fit where it is */

	/* Local copies of the dynamic symbol table; NULL without one. */
	Elf64_Sym *dynsym;
	size_t ndynsym;
	char *dynstr;
	size_t dynstr_len;
};

/*
 * Read headers and the dynamic symbols of the image whose first mapping is
 * `region`. TM_ERR_UNSUPPORTED if it is not a 64-bit ELF image.
 */
bool tm_image_read(struct tm_mem *mem, const struct tm_region *region,
		   struct tm_image *ret, struct tm_err *err) TM_MUST_CHECK;
/* The same without the symbols: a few small reads. */
bool tm_image_read_head(struct tm_mem *mem, const struct tm_region *region,
			struct tm_image *ret, struct tm_err *err) TM_MUST_CHECK;
void tm_image_free(struct tm_image *image); /* works as a guard */

struct tm_symbol {
	tm_addr address; /* in the target */
	uint64_t size;
};

/* A symbol that the image defines and exports. */
bool tm_image_dynsym(const struct tm_image *image, const char *name,
		     struct tm_symbol *ret);
/* The same of one that it must have: TM_ERR_UNSUPPORTED without. */
bool tm_image_need(const struct tm_image *image, const char *name,
		   struct tm_symbol *ret, struct tm_err *err) TM_MUST_CHECK;

bool tm_image_exports(const struct tm_image *image, const char *name);
/* Does it use one of that name of another image? */
bool tm_image_imports(const struct tm_image *image, const char *name);
/* The C library itself, or glibc's libpthread before 2.34: sanitizers and
 * profilers also export wrappers of many of its functions. */
bool tm_image_is_libc(const struct tm_image *image);

/* In a segment with (at least) these PF_* flags? */
bool tm_image_holds(const struct tm_image *image, tm_addr at, uint32_t flags);

#endif
