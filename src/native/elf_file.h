/*
 * Opening the ELF file of an image, and the files that hold its debug
 * information, wherever the target's file system is.
 *
 * Files are read, not mapped: one that is truncated while we read must not end us
 * with SIGBUS. Nothing is ever fetched from a network.
 */
#ifndef TM_NATIVE_ELF_FILE_H
#define TM_NATIVE_ELF_FILE_H

#include <libelf.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "native/modules.h"

struct native_elf {
	Elf *elf;    /* NULL: nothing is open */
	int fd;      /* -1: the image is in `bytes` */
	char *bytes;
	char *path;  /* as it was asked for, in one of the roots; or NULL */
};

/* `path` as the target sees it: its links stay inside its root. -1 if there is none. */
int native_open_in_root(pid_t pid, const char *path);

void native_elf_close(struct native_elf *file);

/* Which ways of reaching a module's file to try; tests leave some out. */
enum {
	NATIVE_VIA_MAP_FILES = 1 << 0, /* needs CAP_CHECKPOINT_RESTORE */
	NATIVE_VIA_ROOT = 1 << 1,      /* the path, in the target's root or ours */
	NATIVE_VIA_MEMORY = 1 << 2,    /* the vDSO */
	NATIVE_VIA_ALL = 7,
};

/*
 * The file that `module` was mapped from, and only that: device and inode, or
 * the build-id in memory, must be the same; of a module that is only remembered
 * without one, the file has to be older than that. False if it cannot be had.
 */
bool native_elf_open_module(const struct native_module *module, pid_t pid,
			    struct tm_mem *mem, unsigned via,
			    struct native_elf *ret);

/* Can it be had by its path? */
bool native_elf_has_file(const struct native_module *module, pid_t pid);

/*
 * The separate debug file: by build-id below /usr/lib/debug of the target's
 * root and of ours and among what debuginfod's client has fetched, then by the .gnu_debuglink of `main` (which may be NULL)
 * with its checksum.
 */
bool native_elf_open_debug(const struct native_module *module, pid_t pid,
			   Elf *main, struct native_elf *ret);

/* The supplementary file (dwz) that .gnu_debugaltlink of `file` names; false
 * also if it names none. */
bool native_elf_open_alt(const struct native_elf *file, pid_t pid,
			 struct native_elf *ret);

/* The symbol table compressed into .gnu_debugdata ("mini debuginfo"). */
bool native_elf_open_mini(Elf *main, struct native_elf *ret);

#endif
