/*
 * Poisson sampling by bytes: the distance to the next sampled byte is drawn
 * from an exponential distribution of mean M, so a block of s bytes is taken
 * with probability 1 - exp(-s/M), whatever came before it. Integers only: the
 * registers of floating point belong to the program.
 */
#include "recorder.h"

typedef unsigned __int128 u128;

/* xorshift64*, one state per thread slot. */
static uint64_t draw(struct tm_recorder_thread *slot)
{
	uint64_t x = slot->random;

	if (!x)
		x = mix(slot->owner ^ (uint64_t)slot ^ table()->seed) | 1;
	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	slot->random = x;
	return x * 0x2545f4914f6cdd1du;
}

/* -log2(u / 2^64) with 32 binary digits behind the point. */
static uint64_t neg_log2(uint64_t u)
{
	unsigned zeros = (unsigned)__builtin_clzll(u);
	uint64_t x = u << zeros >> 1; /* 1.62 fixed point, in [1, 2) */
	uint64_t fraction = 0;

	for (int i = 0; i < 32; i++) {
		u128 square = (u128)x * x >> 62;

		fraction <<= 1;
		if (square >> 63) {
			fraction |= 1;
			square >>= 1;
		}
		x = (uint64_t)square;
	}
	return ((uint64_t)zeros + 1) * (1ull << 32) - fraction;
}

static int64_t exponential(struct tm_recorder_thread *slot, uint64_t mean)
{
	enum { LN2_Q32 = 0xb17217f7u };
	uint64_t u = draw(slot);
	u128 ln = (u128)neg_log2(u ? u : 1) * LN2_Q32 >> 32; /* Q32 */

	return (int64_t)(ln * mean >> 32) + 1;
}

bool sample_takes(struct tm_recorder_thread *slot, uint64_t size)
{
	if (likely(size < (uint64_t)slot->countdown)) {
		slot->countdown -= (int64_t)size;
		return false;
	}
	/* The first block of a thread must not be taken for its place. */
	if (unlikely(slot->random == 0)) {
		slot->countdown = exponential(slot, table()->sample_bytes);
		return sample_takes(slot, size);
	}
	slot->countdown = exponential(slot, table()->sample_bytes);
	return true;
}

/* exp(-x), x and the result with 32 binary digits; x < 16. */
static uint64_t exp_neg(uint64_t x)
{
	uint64_t y = x >> 6, term = 1ull << 32, sum = term;

	/* The series for x / 64, then six squarings. */
	for (uint64_t i = 1; i <= 6; i++) {
		term = (uint64_t)((u128)term * y >> 32) / i;
		sum += i & 1 ? -term : term;
	}
	for (int i = 0; i < 6; i++)
		sum = (uint64_t)((u128)sum * sum >> 32);
	return sum;
}

/* (a << 32) / b for a quotient below 2^64. */
static uint64_t divide_q32(uint64_t a, uint64_t b)
{
	return cpu_divide(a >> 32, a << 32, b);
}

uint64_t sample_weight(uint64_t size)
{
	uint64_t mean = table()->sample_bytes;
	uint64_t x, p;

	if (size / 16 >= mean)
		return size;
	x = divide_q32(size, mean);
	/* Below 2^-10 the series of x / (1 - exp(-x)) beats a subtraction
	 * that leaves few digits: 1 + x/2 + x^2/12. */
	if (x < 1ull << 22)
		return mean + size / 2;
	p = (1ull << 32) - exp_neg(x);
	return divide_q32(size, p);
}

/* Blocks of several parts of the table share a counter. One that reached its end
 * stays there. */
static void filter_count(uint64_t address, int by)
{
	const uint8_t end = by < 0 ? 0 : UINT8_MAX;
	uint8_t *at = filter_at(address);
	uint8_t n = __atomic_load_n(at, __ATOMIC_RELAXED);

	while (n != UINT8_MAX && n != end &&
	       !__atomic_compare_exchange_n(at, &n, (uint8_t)(n + by), true,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

void filter_add(uint64_t address)
{
	filter_count(address, 1);
}

void filter_remove(uint64_t address)
{
	filter_count(address, -1);
}
