/*
 * Source lines the screen has shown or wants to show. Looking one up never
 * reads a file: a line that is not known yet is put on the list of wanted lines,
 * which the worker answers.
 */
#ifndef TUI_LINES_H
#define TUI_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "tmattach/model.h"

struct line {
	char *filename;
	size_t filename_len;
	uint32_t lineno;
	bool known;      /* answered; else asked for or wanted */
	bool asked;
	char *text;      /* NULL: not readable */
	char *function;  /* NULL: none, or not readable */
};

struct line_list {
	struct line *items;
	size_t n;
};

void line_list_deinit(struct line_list *list);

struct lines {
	struct line **slots; /* open addressing, a power of two */
	size_t nslots;
	size_t n;
	size_t wanted;       /* how many are neither asked for nor known */
};

void lines_deinit(struct lines *lines);

/* NULL while it is not known. */
const struct line *lines_find(struct lines *lines, struct tm_text filename,
			      uint32_t lineno);

/* Copies of the wanted ones, which then count as asked for. */
void lines_take_wanted(struct lines *lines, struct line_list *ret);

/* Enter answers; their texts are taken over. */
void lines_answer(struct lines *lines, struct line_list *list);

#endif
