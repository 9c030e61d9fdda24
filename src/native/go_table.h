/*
 * Functions and lines of Go code, by the table that its runtime prints stacks from: it is
 * there in programs that are stripped, too. Private to src/native.
 *
 * Formats of 1.16, 1.18 and 1.20 (src/runtime/symtab.go, src/debug/gosym/pclntab.go).
 */
#ifndef TM_NATIVE_GO_TABLE_H
#define TM_NATIVE_GO_TABLE_H

#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct native_go_table {
	const char *bytes;   /* borrowed; NULL: there is none */
	size_t len;
	uint64_t text;       /* what addresses count from */
	uint64_t nfuncs;
	unsigned word;       /* bytes of an entry's two parts */
	uint64_t names, units, files, values, functions; /* where its parts begin */
};

struct native_go_place {
	const char *function; /* in the table */
	const char *filename; /* NULL: not known */
	uint32_t lineno;
};

/* The section of the image's file. */
void native_go_table_of(Elf *elf, struct native_go_table *ret);
/* Any bytes; false: it is no such table. */
bool native_go_table_read(const void *bytes, size_t len, struct native_go_table *ret);

/* The function at `at` (as the image has it); false: it is not one of Go's. */
bool native_go_table_find(const struct native_go_table *table, uint64_t at,
			  struct native_go_place *ret);

#endif
