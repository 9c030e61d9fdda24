#include "history.h"

#define FIRST_SLOT_MS 250

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static void history_halve(struct history *history)
{
	for (size_t i = 0; i < HISTORY_SLOTS / 2; i++)
		history->values[i] = larger(history->values[2 * i],
					    history->values[2 * i + 1]);
	history->n = HISTORY_SLOTS / 2;
	history->slot_ms *= 2;
}

void history_add(struct history *history, uint64_t now_ms, uint64_t value)
{
	uint64_t slot;

	if (history->slot_ms == 0) {
		history->slot_ms = FIRST_SLOT_MS;
		history->start_ms = now_ms;
	}
	if (now_ms < history->start_ms)
		now_ms = history->start_ms;
	while ((slot = (now_ms - history->start_ms) / history->slot_ms) >=
	       HISTORY_SLOTS) {
		/* A gap (suspended, asleep) repeats the last value. */
		while (history->n > 0 && history->n < HISTORY_SLOTS) {
			history->values[history->n] = history->values[history->n - 1];
			history->n++;
		}
		history_halve(history);
	}
	while (history->n <= slot) {
		history->values[history->n] =
			history->n && history->n < slot ?
				history->values[history->n - 1] : 0;
		history->n++;
	}
	history->values[slot] = larger(history->values[slot], value);
}

uint64_t history_part(const struct history *history, size_t i, size_t n)
{
	size_t first, end;
	uint64_t max = 0;

	if (n == 0 || i >= n || history->n == 0)
		return 0;
	first = i * history->n / n;
	end = (i + 1) * history->n / n;
	if (end <= first)
		end = first + 1;
	for (size_t k = first; k < end && k < history->n; k++)
		max = larger(max, history->values[k]);
	return max;
}

uint64_t history_max(const struct history *history)
{
	return history_part(history, 0, 1);
}

uint64_t history_span_ms(const struct history *history)
{
	return history->n * history->slot_ms;
}
