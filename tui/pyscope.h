/*
 * Which function a line of Python source is in. A trace's frame knows only
 * file and line; where the source can be read, the enclosing def and class
 * statements are found by their indentation, strings and brackets taken into
 * account.
 */
#ifndef TUI_PYSCOPE_H
#define TUI_PYSCOPE_H

#include <stddef.h>
#include <stdint.h>

struct pyscope;

/* Read a whole file's text. Never fails: text that is not Python has no
 * functions. */
struct pyscope *pyscope_create(const char *text, size_t len);
void pyscope_destroy(struct pyscope *scope); /* NULL is fine */

/* "Handler.get", "main", or NULL at module level and beyond the file.
 * Borrowed from the scope. */
const char *pyscope_name(const struct pyscope *scope, uint32_t lineno);

#endif
