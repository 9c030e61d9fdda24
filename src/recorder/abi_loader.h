/*
 * The part of abi.h that is about modules which come and go while the recorder
 * records. Included by abi.h alone.
 *
 * Every loader calls one function of its own before and after it changes its list of
 * modules, for debuggers (r_brk of <link.h>). That function has a hook, which
 * compares the list with the records here: a module that is new gets one, with a copy
 * of its unwind tables; that of one that is not listed any more is marked. Records are
 * never given to another module, so they also name what is gone. A word of a stack has
 * the number of the record in bits 48-62 if the code is of a module that came after the
 * start: an address alone is of whoever is there now.
 *
 * tmattach writes the records of what is there at the start. Then only the hook writes,
 * one thread at a time (the loader's lock; `lock` besides). It makes no system call, and
 * reads only what the loader has in its list, whose lock its caller holds.
 */
#ifndef TM_RECORDER_ABI_LOADER_H
#define TM_RECORDER_ABI_LOADER_H

#include <stdint.h>

enum {
	TM_LOADER_MODULES = 4096, /* records; number 0 is none */
	TM_LOADER_MAX_NAME = 4096,
	TM_PC_MODULE_SHIFT = 48,
	/* In a word of a stack: of no module, where others have come and gone. */
	TM_PC_NOWHERE = 0x7fff,
};

#define TM_PC_ADDRESS ((1ull << TM_PC_MODULE_SHIFT) - 1)

static inline unsigned tm_pc_module(uint64_t word)
{
	return (unsigned)(word >> TM_PC_MODULE_SHIFT) & TM_PC_NOWHERE;
}

enum tm_recorder_loaded_state {
	TM_LOADED_UNUSED,
	TM_LOADED_HERE,
	TM_LOADED_GONE,
};

/* A module, or one that there was. All but `state`, `listed`, `since` and `seen` stays
 * as it was written first. */
struct tm_recorder_loaded {
	uint64_t start, end;  /* its code */
	uint64_t bias;
	uint64_t name;        /* offset of its path, as the loader has it, and a 0 */
	uint64_t header_at;   /* where .eh_frame_hdr is (was), */
	uint64_t header;      /* the offset of the copy of its table; 0: none */
	uint64_t nfunctions;  /* entries of the table */
	uint64_t frames_at;   /* .eh_frame, and the copy of as much of it as is used */
	uint64_t frames;
	uint64_t frames_size;
	uint32_t state;
	uint32_t listed;      /* the loader knows it: it tells when it goes */
	uint32_t since;       /* the table's `changes` when it came last; 0: it was there before */
	uint32_t seen;        /* by the hook: in this walk of the list */
	uint8_t build_id[20];
	uint8_t build_id_len; /* 0: it has none of 20 bytes or less */
	uint8_t is_deleted;   /* at the start its file had been replaced */
	uint8_t hooked_late;  /* by tmattach: it allocates, and did so unhooked before */
	uint8_t reserved[9];
};

struct tm_recorder_loader {
	/* Set up by tmattach. */
	uint64_t debug;       /* address of the loader's struct r_debug; 0: nothing is
				 hooked, and what comes and goes is not seen */
	uint32_t phdr_at;     /* in a struct link_map: the program headers, */
	uint32_t phnum_at;    /* and how many (16 bits) */
	uint32_t ninitial;    /* records 1 .. ninitial were there at the start */
	uint32_t reserved;
	uint64_t area;        /* offset: names and copies */
	uint64_t area_size;
	uint64_t started_ns;  /* CLOCK_REALTIME when recording began */

	/* Written by the hook. */
	uint64_t lock __attribute__((aligned(64)));
	uint32_t walks;
	uint32_t nmodules;    /* records in use, number 0 not counted */
	uint32_t missed;      /* modules that found no record */
	uint32_t reserved2;
	uint64_t tail;        /* of the area: next free byte */
	/* Addresses between have been, or are, code of modules that came later or
	 * went: outside of them a look at the records is spared. */
	uint64_t lo __attribute__((aligned(64)));
	uint64_t hi;
	uint32_t seq;         /* odd: the index is being changed */
	uint32_t nhere;       /* entries of the index */
	uint16_t index[TM_LOADER_MODULES]; /* of what is here, ascending by start */
	struct tm_recorder_loaded modules[TM_LOADER_MODULES];
};

_Static_assert(sizeof(struct tm_recorder_loaded) == 128, "ABI");

#endif
