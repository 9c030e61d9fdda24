/*
 * Raw-domain allocations from C, as fast as they go and without the GIL:
 * what an extension with threads of its own does to the trace table. Loaded
 * into the target with ctypes.CDLL, which releases the GIL around the call.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

void *PyMem_RawMalloc(size_t size);
void *PyMem_RawCalloc(size_t n, size_t size);
void *PyMem_RawRealloc(void *p, size_t size);
void PyMem_RawFree(void *p);

uint64_t storm_raw(unsigned rounds, uint64_t seed);

enum { SLOTS = 256 };

static uint64_t next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void *renew(void *old, size_t size, uint64_t choice)
{
	if (choice == 0)
		return PyMem_RawRealloc(old, size);
	PyMem_RawFree(old);
	if (choice == 1)
		return NULL;
	return choice == 2 ? PyMem_RawCalloc(1, size) : PyMem_RawMalloc(size);
}

/*
 * One unit of work: `rounds` changes of a set of blocks, whose content is
 * summed up. The same seed gives the same sum, unless somebody harmed us.
 */
uint64_t storm_raw(unsigned rounds, uint64_t seed)
{
	unsigned char *slot[SLOTS] = { 0 };
	size_t size[SLOTS] = { 0 };
	uint64_t state = seed | 1, sum = 0;

	for (unsigned i = 0; i < rounds; i++) {
		size_t k = next(&state) % SLOTS;
		uint64_t choice = next(&state) % 6;

		if (slot[k])
			sum = sum * 31 + slot[k][0] + slot[k][size[k] - 1];
		size[k] = 1 + next(&state) % 3000;
		slot[k] = renew(slot[k], size[k], choice);
		if (slot[k])
			memset(slot[k], (int)(state >> 56), size[k]);
	}
	for (size_t k = 0; k < SLOTS; k++)
		PyMem_RawFree(slot[k]);
	return sum;
}
