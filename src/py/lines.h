/* From an instruction to a source line, by the code object's line table. */
#ifndef TM_PY_LINES_H
#define TM_PY_LINES_H

#include <stddef.h>
#include <stdint.h>

#include "py/stack_layout.h"

/*
 * The line of the instruction `at` bytes into the code (negative: the function
 * has not begun), as PyCode_Addr2Line() of that version computes it. 0: the
 * instruction has no line. Any bytes are fine as a table.
 */
uint32_t py_line_at(enum py_lines_kind kind, const uint8_t *table, size_t len,
		    uint32_t firstlineno, int64_t at);

/*
 * Every line that the table has instructions of; some come more than once.
 */
void py_lines_each(enum py_lines_kind kind, const uint8_t *table, size_t len,
		   uint32_t firstlineno, void (*line)(void *ctx, uint32_t line),
		   void *ctx);

#endif
