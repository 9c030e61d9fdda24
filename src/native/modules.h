/*
 * The ELF images of one process, by address: what an instruction pointer
 * belongs to. Headers are read from memory when an image is first asked for.
 */
#ifndef TM_NATIVE_MODULES_H
#define TM_NATIVE_MODULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "image/image.h"
#include "mem/mem.h"
#include "target/maps.h"

struct native_module {
	char *path;              /* as mapped, without " (deleted)" */
	bool deleted;
	tm_addr start, end;      /* of its first mapping */
	uint32_t dev_major, dev_minor;
	uint64_t inode;
	char build_id[65];       /* lower-case hex, "" if it has none */
	struct tm_image image;   /* its `first` is NULL, `path` the one above */
	enum { NATIVE_UNREAD, NATIVE_READ, NATIVE_NO_IMAGE } state;
	bool mapped;             /* in the maps seen last */
	bool unproved;           /* native_modules_read_all() */
	bool remembered;         /* it was mapped once; found by nobody */
	uint64_t unchanged_ns;   /* such a one without a build-id: its file is only
				    believed if it is older (CLOCK_REALTIME) */
};

struct native_modules {
	pid_t pid;
	struct tm_mem *mem;      /* borrowed */
	struct native_module **all; /* of all maps ever seen */
	size_t nall, cap;
	struct native_module **now; /* those mapped now, by address */
	size_t nnow;
	uint64_t updates;        /* counts native_modules_update() */
};

/* `mem` must outlive it. */
void native_modules_init(struct native_modules *modules, pid_t pid,
			 struct tm_mem *mem);
void native_modules_deinit(struct native_modules *modules);

/*
 * Take over the present mappings. Modules that remain keep their identity
 * (their pointers); those that are gone stay valid but are no longer found by
 * address.
 * Returns whether anything changed.
 */
bool native_modules_update(struct native_modules *modules,
			   const struct tm_maps *maps);

/* What is known of a module that is not mapped any more. */
struct native_remembered {
	const char *path;
	tm_addr bias;
	const uint8_t *build_id;
	size_t build_id_len;
	uint64_t unchanged_ns;   /* 0: nothing is believed without a build-id */
};

/* It lives as long as `modules`, and is never found by address. */
struct native_module *native_modules_remember(struct native_modules *modules,
					      const struct native_remembered *what);

/*
 * Read the headers of all that is mapped now and was not read before. In a process whose
 * modules come and go they may be those of another by then: whoever finds out says so.
 */
void native_modules_read_all(struct native_modules *modules);
void native_modules_prove(struct native_modules *modules, bool right);

/* The image with executable bytes at `at`; NULL if there is none. */
struct native_module *native_modules_find(struct native_modules *modules,
					  tm_addr at);
/* Have the headers been read, and are they an image's? Reads them if not yet. */
bool native_module_read(struct native_modules *modules,
			struct native_module *module);

#endif
