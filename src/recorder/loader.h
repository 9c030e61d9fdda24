/* What the files of the loader's list share. Private to them. */
#ifndef TM_RECORDER_LOADER_H
#define TM_RECORDER_LOADER_H

#include "recorder.h"

/* What is needed of <elf.h> and <link.h>, which a freestanding program has not. */
enum loader_elf {
	LOADER_LOAD = 1,  /* PT_* */
	LOADER_NOTE = 4,
	LOADER_EH_FRAME = 0x6474e550,
	LOADER_X = 1,     /* PF_* */
	LOADER_R = 4,
};

struct loader_phdr {
	uint32_t type, flags;
	uint64_t offset, vaddr, paddr, filesz, memsz, align;
};

struct loader_link {
	uint64_t addr;
	const char *name;
	uint64_t dynamic;
	const struct loader_link *next, *prev;
};

struct loader_debug {
	int32_t version;
	const struct loader_link *map;
	uint64_t brk;
	int32_t state;
	uint64_t base;
	const struct loader_debug *next; /* of another namespace, from version 2 on */
};

/* An entry of the list, as its program headers have it. */
struct found {
	const struct loader_link *map;
	const struct loader_phdr *phdrs;
	uint32_t nphdrs;
	uint64_t start, end; /* its code */
};

/* loader_keep.c */
/* Where its code is, and its build-id. */
void loader_describe(const struct found *f, struct tm_recorder_loaded *m);
/* Its name and its unwind tables, as copies. */
void loader_keep(struct tm_recorder_loader *l, const struct found *f,
		 struct tm_recorder_loaded *m);
bool loader_same_name(uint64_t kept, const char *name);

#endif
