/*
 * Traced memory over time, for the graph: a fixed number of slots over all of
 * the view's life. When they are full, neighbours are merged and each slot
 * covers twice the time; a slot keeps the largest value it saw.
 */
#ifndef TUI_HISTORY_H
#define TUI_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#define HISTORY_SLOTS 512

struct history {
	uint64_t slot_ms;   /* time of a slot; 0: nothing yet */
	uint64_t start_ms;  /* of slot 0 */
	size_t n;
	uint64_t values[HISTORY_SLOTS];
};

void history_add(struct history *history, uint64_t now_ms, uint64_t value);

/* The largest value of part i of n equal parts of the whole time. */
uint64_t history_part(const struct history *history, size_t i, size_t n);
uint64_t history_max(const struct history *history);
uint64_t history_span_ms(const struct history *history);

#endif
