/*
 * An ELF core file: the memory a process had, as the kernel or a debugger
 * wrote it down. Every count in it is hostile; nothing is allocated that the
 * file itself is not large enough to hold.
 */
#ifndef TM_MEM_CORE_FILE_H
#define TM_MEM_CORE_FILE_H

#include <sys/types.h>

#include "arch/arch.h"
#include "mem/mem.h"

/* A PT_LOAD. Only `filesz` bytes of it are in the file: the rest was not
 * written, which does not mean that it was zero. */
struct tm_core_segment {
	tm_addr start;
	tm_addr end;
	uint64_t offset;
	uint64_t filesz;
	uint32_t flags;     /* PF_R, PF_W, PF_X */
};

/* An entry of NT_FILE: this range was a mapping of a file. */
struct tm_core_mapping {
	tm_addr start;
	tm_addr end;
	uint64_t offset;    /* in the mapped file */
	const char *path;   /* as the process (or the debugger) named it */
	int fd;             /* the file, to fill gaps from; -1: none. Borrowed
			       from whoever called tm_core_back() */
};

/* A thread as it was (NT_PRSTATUS). */
struct tm_core_thread {
	pid_t tid;
	struct tm_regs regs;
};

struct tm_core_file {
	int fd;
	struct tm_core_segment *segments; /* ascending, disjoint */
	size_t nsegments;
	struct tm_core_mapping *mappings; /* ascending, disjoint */
	size_t nmappings;
	char *paths;        /* the text of NT_FILE */
	struct tm_core_thread *threads; /* the one that died first, if any did */
	size_t nthreads, threads_cap;
	tm_addr exe_phdr;   /* AT_PHDR: inside the executable; 0: unknown */
	tm_addr stack;      /* AT_RANDOM: in the process's stack; 0: unknown */
	tm_addr vdso;       /* AT_SYSINFO_EHDR: where it begins; 0: unknown */
	pid_t pid;          /* NT_PRPSINFO; 0: unknown */
	char name[17];      /* of its main thread, or of its file; "" if unknown */
	char command[96];   /* the start of the command line; "" if unknown */
	bool truncated;     /* some segment reaches past the file's end */
};

/* Do these first bytes (64 are enough) begin an ELF core file? */
bool tm_core_sniff(const void *head, size_t len);

/* TM_ERR_UNSUPPORTED for the core of another machine, TM_ERR_CORRUPT for one
 * that contradicts itself. Errors name the path. */
bool tm_core_file_open(const char *path, struct tm_core_file *ret,
		       struct tm_err *err) TM_MUST_CHECK;
void tm_core_file_close(struct tm_core_file *core); /* zeroed is fine */

/* Read what the core lacks of the mappings of `path` from `fd`. */
void tm_core_back(struct tm_core_file *core, const char *path, int fd);

/* Is the byte at this address in the core itself? */
bool tm_core_holds(const struct tm_core_file *core, tm_addr at);

/*
 * The memory of the process: from the core, else from the file that was
 * mapped there. Never from a file where the mapping was writable: the process
 * may have changed it. The core is borrowed.
 */
struct tm_mem *tm_mem_core(const struct tm_core_file *core);

#endif
