/* The recorder's table at the peak, and how old its blocks are. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <cmocka.h>

/* The recorder's own sources, under its own rules but for the head. */
#include "src/recorder/ages.c"
#include "src/recorder/arena.c"
#include "src/recorder/counters.c"
#include "src/recorder/maps_list.c"
#include "src/recorder/sample.c"
#include "src/recorder/shard.c"
#include "src/recorder/table.c"

#include "inject/private.h"
#include "trace/recorder_ages.h"
#include "trace/recorder_look.h"
#include "trace/recorder_maps.h"
#include "trace/recorder_peak.h"

#include "unit/recorder_image.h"

enum { LIMIT = 64 << 20, N = 3000, LARGE = COUNT_BATCH + 1, AT = 0x1000, PAGES = 400 };

/* What should be there, and what was when it was most. */
static uint64_t sizes[N], top[N], total, most;
/* Who has mapped each page, and who had at the peak; 0: nobody. */
static uint32_t pages[PAGES], top_pages[PAGES];
static uint32_t seed;

static uint32_t chance(uint32_t below)
{
	seed = seed * 1664525u + 1013904223u;
	return (uint32_t)((uint64_t)seed * below >> 32);
}

static uint64_t address(uint32_t i)
{
	return 0x560000000000u + i * 48ull;
}

static void see_top(void)
{
	if (total <= most)
		return;
	most = total;
	memcpy(top, sizes, sizeof(top));
	memcpy(top_pages, pages, sizeof(top_pages));
}

/* Larger than what threads keep to themselves: then the peak is exact. */
static void change(uint32_t i, uint64_t size)
{
	struct block block = { address(i), size, i + 1, 0 }, old;

	if (size)
		table_insert(&block, thread_slot());
	else if (sizes[i])
		assert_true(table_remove(block.address, &old));
	total += size - sizes[i];
	sizes[i] = size;
	see_top();
}

static void churn(int times, uint32_t of_ten)
{
	while (times--) {
		uint32_t i = chance(N);

		/* One that is replaced goes first, as realloc() has it. */
		if (chance(10) < of_ten)
			change(i, 0);
		change(i, chance(10) < of_ten ? LARGE + chance(100000) : 0);
	}
}

static size_t read_here(struct tm_mem *mem, tm_addr at, void *buf, size_t len)
{
	(void)mem;
	memcpy(buf, (char *)table() + (at - AT), len);
	return len;
}

/* The table changes while it is read, but not so much that the peak is another. */
static size_t read_while_it_changes(struct tm_mem *mem, tm_addr at, void *buf, size_t len)
{
	uint32_t i = chance(N);

	if (sizes[i]) {
		change(i, 0);
		change(i + 1 < N && !sizes[i + 1] ? i + 1 : i, LARGE);
	}
	return read_here(mem, at, buf, len);
}

static const struct tm_mem_ops still = { .read = read_here }, moving = {
	.read = read_while_it_changes };

static int begin(void **state)
{
	struct tm_recorder_table layout = { 0 };

	(void)state;
	inject_layout(&layout, LIMIT);
	image = (struct tm_recorder_code){
		.table = (uint64_t)mmap(NULL, layout.size, PROT_READ | PROT_WRITE,
					MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
	};
	if (image.table == (uint64_t)MAP_FAILED)
		return -1;
	*table() = layout;
	table()->journal_room = layout.journal_size;
	memset(sizes, 0, sizeof(sizes));
	memset(top, 0, sizeof(top));
	total = most = 0;
	seed = 7;
	return 0;
}

static int end(void **state)
{
	(void)state;
	return munmap(table(), table()->size);
}

static bool look(struct tm_recorder_copy *copy, struct tm_mem *mem, struct tm_err *err)
{
	bool ok;

	table()->journal_tail = 0;
	table()->look = ++table()->looks;
	ok = tm_recorder_look_begin(copy, &(struct tm_mem){ .ops = &still }, AT, err);
	for (uint32_t i = 0; ok && i < TM_RECORDER_SHARDS; i++)
		ok = tm_recorder_look_shard(copy, mem, AT, i, err);
	ok = ok && tm_recorder_look_changes(copy, mem, AT, err) &&
	     tm_recorder_peak_read(copy, mem, AT, true, err);
	table()->look = 0;
	if (ok)
		tm_recorder_look_end(copy);
	return ok;
}

static bool stopped(struct tm_recorder_copy *copy, struct tm_mem *mem, struct tm_err *err)
{
	return tm_recorder_copy_take(copy, mem, AT, err) &&
	       tm_recorder_peak_read(copy, mem, AT, false, err);
}

/* Each block of `want` once, and none else. */
static void assert_is(const struct tm_recorder_copy *copy, const uint64_t *want)
{
	uint64_t left[N];
	size_t n = 0;

	memcpy(left, want, sizeof(left));
	for (int i = 0; i < N; i++)
		n += want[i] != 0;
	assert_int_equal(copy->nslots, n);
	for (size_t i = 0; i < n; i++) {
		uint32_t number = tm_slot_stack(&copy->slots[i]) - 1;

		assert_true(number < N);
		assert_int_equal(copy->slots[i].key & TM_SLOT_ADDRESS, address(number));
		assert_int_equal(tm_slot_size(&copy->slots[i]), left[number]);
		left[number] = 0;
	}
}

static void check(bool (*how_taken)(struct tm_recorder_copy *, struct tm_mem *, struct tm_err *),
		  const struct tm_mem_ops *how)
{
	struct tm_recorder_copy *copy = calloc(1, sizeof(*copy));
	struct tm_mem mem = { .ops = how };
	struct tm_err err;

	copy->at_peak = true;
	assert_true(how_taken(copy, &mem, &err));
	tm_recorder_peak_apply(copy);
	assert_is(copy, top);
	assert_int_equal(copy->missing, 0);
	tm_recorder_copy_free(copy);
	free(copy);
}

static void is_the_table_of_the_peak(void **state)
{
	(void)state;
	for (int round = 0; round < 300; round++) {
		churn(chance(3000), round % 3 ? 3 : 7);
		check(look, &still);
		check(stopped, &still);
	}
	assert_int_equal(tm_recorder_peak(table(), thread_at(0)), most);
}

/* A burst in the middle of a life; what comes and goes later is not of it. */
static void is_the_burst(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 1000; i++)
		change(i, LARGE);
	for (uint32_t i = 1000; i < 2000; i++)
		change(i, 2 * LARGE);
	for (uint32_t i = 500; i < 2000; i++)
		change(i, 0);
	for (int i = 0; i < 100000; i++)
		change(1000 + chance(500), chance(2) ? LARGE : 0);
	assert_int_equal(top[1500], 2 * LARGE);
	check(look, &moving);
	check(look, &still);
}

/* All peaks of a rising sawtooth: the last one counts, and nothing of those before it. */
static void is_of_the_last_of_many(void **state)
{
	(void)state;
	for (uint32_t teeth = 1; teeth < 200; teeth++) {
		for (uint32_t i = 0; i < teeth; i++)
			change(i, LARGE + teeth);
		for (uint32_t i = 0; i < teeth; i++)
			change(i, 0);
		check(stopped, &still);
	}
	assert_in_range((uint32_t)table()->freed_tail, 199, 200);
}

/* One that is freed by nobody we know of, because its address is given out again. */
static void counts_what_is_replaced(void **state)
{
	(void)state;
	change(1, 10 * LARGE);
	change(1, LARGE);
	change(2, LARGE);
	assert_int_equal(top[1], 10 * LARGE);
	check(stopped, &still);
}

/* realloc() that fails puts back what it has taken out. */
static void a_block_that_is_put_back_is_as_old(void **state)
{
	struct block old, again;

	(void)state;
	change(1, 10 * LARGE);
	change(2, LARGE);
	assert_true(table_remove(address(1), &old));
	table_insert(&old, thread_slot());
	check(stopped, &still);
	assert_true(table_remove(address(1), &again));
	assert_int_equal(again.birth, old.birth);
	sizes[1] = 0;
	check(stopped, &still);
}

static void tells_what_it_had_no_room_for(void **state)
{
	struct tm_recorder_copy *copy = calloc(1, sizeof(*copy));
	struct tm_mem mem = { .ops = &still };
	struct tm_err err;

	(void)state;
	table()->freed_room = 100;
	for (uint32_t i = 0; i < 1000; i++)
		change(i, LARGE);
	for (uint32_t i = 0; i < 300; i++)
		change(i, 0);
	copy->at_peak = true;
	assert_true(stopped(copy, &mem, &err));
	tm_recorder_peak_apply(copy);
	assert_int_equal(copy->nslots, 800);
	assert_int_equal(copy->missing, 200);
	tm_recorder_copy_free(copy);
	free(copy);
}

/* A place that another peak's record stands in counts as lost, wherever it came from. */
static void believes_no_record_of_another_peak(void **state)
{
	struct tm_recorder_copy *copy = calloc(1, sizeof(*copy));
	struct tm_recorder_freed *freed = table_at(table()->freed);
	struct tm_mem mem = { .ops = &still };
	struct tm_err err;

	(void)state;
	for (uint32_t i = 0; i < 10; i++)
		change(i, LARGE);
	for (uint32_t i = 0; i < 5; i++)
		change(i, 0);
	freed[1].peak--;
	freed[2].side.birth = freed[2].peak + 1;
	freed[3].slot.key = 0;
	table()->freed_tail += 7;
	copy->at_peak = true;
	assert_true(stopped(copy, &mem, &err));
	tm_recorder_peak_apply(copy);
	assert_int_equal(copy->nslots, 7);
	assert_int_equal(copy->missing, 10);
	table()->freed_tail |= UINT32_MAX;
	assert_true(stopped(copy, &mem, &err));
	assert_int_equal(copy->nfreed, 2);
	tm_recorder_copy_free(copy);
	free(copy);
}

/* Peaks that are only just being made. */
static void of_a_new_peak_is_what_there_is(void **state)
{
	(void)state;
	change(1, LARGE);
	check(stopped, &still);
	change(1, 0);
	change(1, 2 * LARGE);
	change(2, 3 * LARGE);
	check(look, &still);
}

/* ---- mappings -------------------------------------------------------------------- */

static bool falls;

static uint64_t page(uint32_t i)
{
	return 0x7f0000000000u + i * 4096ull;
}

static uint32_t fill_pages(uint32_t from, uint32_t to, uint32_t whose)
{
	uint32_t had = 0;

	for (; from < to; from++) {
		had += pages[from] != 0;
		pages[from] = whose;
	}
	return had;
}

static void map_over(uint32_t from, uint32_t to, uint32_t whose)
{
	struct tm_recorder_mapping was;

	assert_true(maps_lock(maps()));
	mapping_cut(maps(), page(from), page(to), &was);
	total -= fill_pages(from, to, 0) * 4096ull;
	if (whose) {
		mapping_put(maps(), (struct tm_recorder_mapping){
			.start = page(from), .end = page(to), .stack = whose });
		fill_pages(from, to, whose);
		total += (to - from) * 4096ull;
	}
	maps_unlock(maps());
	see_top();
}

/* A munmap() that fails: what it was of is there again, as old as it was. */
static void put_back(uint32_t from)
{
	const struct tm_recorder_mapping *at;
	struct tm_recorder_mapping was;

	assert_true(maps_lock(maps()));
	at = mapping_find(maps(), page(from));
	if (at) {
		was = *at;
		mapping_cut(maps(), was.start, was.end, &was);
		mapping_put(maps(), was);
	}
	maps_unlock(maps());
}

static void map_at_random(int times)
{
	while (times--) {
		const uint32_t from = chance(PAGES), n = 1 + chance(40);
		const uint32_t to = from + n < PAGES ? from + n : PAGES;

		if (chance(8) == 0)
			put_back(from);
		else
			map_over(from, to, falls || chance(3) ? 0 : 1 + chance(1000));
	}
}

static size_t read_while_pages_go(struct tm_mem *mem, tm_addr at, void *buf, size_t len)
{
	map_at_random(2);
	return read_here(mem, at, buf, len);
}

static const struct tm_mem_ops going = { .read = read_while_pages_go };

static void assert_pages(const struct tm_recorder_copy *copy)
{
	uint32_t got[PAGES] = { 0 };

	for (size_t i = 0; i < copy->nmappings; i++) {
		const struct tm_recorder_mapped *m = &copy->mappings[i];

		assert_true(i == 0 || m->range.start >= m[-1].range.end);
		assert_int_equal(m->size, m->range.end - m->range.start);
		for (uint64_t at = m->range.start; at < m->range.end; at += 4096) {
			assert_in_range(at, page(0), page(PAGES - 1));
			got[(at - page(0)) / 4096] = m->stack;
		}
	}
	assert_memory_equal(got, top_pages, sizeof(got));
}

static void check_pages(const struct tm_mem_ops *how, bool running)
{
	struct tm_recorder_copy *copy = calloc(1, sizeof(*copy));
	struct tm_mem at_rest = { .ops = &still }, later = { .ops = how };
	struct tm_err err;

	copy->at_peak = true;
	assert_true(tm_recorder_copy_take(copy, &at_rest, AT, &err));
	assert_true(tm_recorder_maps_take(copy, &at_rest, AT, &err));
	assert_true(tm_recorder_peak_read(copy, &later, AT, running, &err));
	tm_recorder_peak_apply(copy);
	assert_is(copy, top);
	assert_pages(copy);
	assert_int_equal(copy->missing, 0);
	assert_int_equal(copy->together, most);
	tm_recorder_copy_free(copy);
	free(copy);
}

static void begin_maps(void)
{
	maps()->on = 1;
	memset(pages, 0, sizeof(pages));
	memset(top_pages, 0, sizeof(top_pages));
	falls = false;
}

/* Whoever made it: large blocks, which are flushed at once, or mappings. */
static void has_the_mappings_of_the_peak(void **state)
{
	(void)state;
	begin_maps();
	for (int round = 0; round < 400; round++) {
		const uint32_t i = chance(N);

		map_at_random(chance(20));
		change(i, 0);
		change(i, chance(3) ? 0 : LARGE + chance(100000));
		check_pages(&still, false);
	}
	assert_int_equal(tm_recorder_peak(table(), thread_at(0)), table()->peak);
	falls = true;
	for (int round = 0; round < 100; round++)
		check_pages(&going, true);
	assert_true(maps()->n < 10);
}

/* Nobody knows whether a file's were memory. */
static void counts_no_file(void **state)
{
	struct tm_recorder_copy *copy = calloc(1, sizeof(*copy));
	struct tm_recorder_mapping file = { .start = page(100), .end = page(300), .stack = 7, .of_file = 1 };
	struct tm_mem mem = { .ops = &still };
	struct tm_err err;

	(void)state;
	begin_maps();
	map_over(0, 10, 1);
	assert_true(maps_lock(maps()));
	mapping_put(maps(), file);
	maps_unlock(maps());
	assert_int_equal(maps()->bytes, 10 * 4096);
	map_over(0, 5, 0);
	assert_true(maps_lock(maps()));
	mapping_cut(maps(), page(200), page(300), &file);
	maps_unlock(maps());
	copy->at_peak = true;
	assert_true(stopped(copy, &mem, &err) && tm_recorder_maps_take(copy, &mem, AT, &err));
	tm_recorder_peak_apply(copy);
	assert_int_equal(copy->together, 10 * 4096);
	assert_int_equal(copy->files_gone, 1);
	assert_int_equal(tm_recorder_mapped_anonymous(copy), 10 * 4096);
	assert_int_equal(tm_recorder_mapped(copy), 110 * 4096);
	tm_recorder_copy_free(copy);
	free(copy);
}

/* ---- ages ----------------------------------------------------------------------- */

static struct timespec now;

static int tell_time(int clock, struct timespec *ret)
{
	assert_int_equal(clock, COARSE);
	*ret = now;
	return 0;
}

static struct tm_recorder_ages ages_of(void)
{
	struct tm_mem mem = { .ops = &still };
	struct tm_recorder_ages ages;
	struct tm_err err;

	assert_true(tm_recorder_ages_read(table(), &mem, AT, &ages, &err));
	return ages;
}

/* Also of a thread that did nothing for an hour. */
static void knows_births_to_a_second(void **state)
{
	struct tm_recorder_ages ages;
	uint64_t born, want[1000];
	struct block old;

	(void)state;
	image.clock = (uint64_t)tell_time;
	now = (struct timespec){ 5000, 123456789 };
	for (uint32_t i = 0; i < 1000; i++) {
		now.tv_nsec += (long)chance(900000000);
		now.tv_sec += now.tv_nsec / 1000000000 + (chance(20) == 0 ? 3600 : 0);
		now.tv_nsec %= 1000000000;
		want[i] = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
		change(i, 1 + chance(2 * LARGE));
		if (chance(3) == 0)
			change(chance(i), 0);
	}
	ages = ages_of();
	for (uint32_t i = 0; i < 1000; i++) {
		/* A 1024th of the time that it has run, with so small a table. */
		uint64_t step = (want[i] - want[0]) / (table()->times_room / SPARE);

		if (!sizes[i])
			continue;
		assert_true(table_remove(address(i), &old));
		assert_true(tm_recorder_birth(&ages, old.birth, &born));
		assert_in_range(want[i] - born, 0, step > SECOND ? step : SECOND);
	}
	tm_recorder_ages_free(&ages);
}

/* Ten years, one block a second. */
static void there_is_room_for_years(void **state)
{
	(void)state;
	image.clock = (uint64_t)tell_time;
	now = (struct timespec){ 77, 0 };
	for (uint32_t day = 0; day < 3650; day++)
		for (int i = 0; i < 24 * 60; i++) {
			now.tv_sec += 60;
			age_look_at_clock();
		}
	assert_true(table()->ntimes < table()->times_room);
}

static void without_a_clock_nothing_has_an_age(void **state)
{
	struct tm_recorder_ages ages;
	uint64_t born;

	(void)state;
	change(1, LARGE);
	ages = ages_of();
	assert_false(tm_recorder_birth(&ages, age_birth(), &born));
	tm_recorder_ages_free(&ages);
}

/* Forged or out of order: never a birth that may not be true. */
static void times_are_put_in_order(void **state)
{
	struct tm_recorder_time *times = table_at(table()->times);
	struct tm_recorder_ages ages;
	uint64_t born;

	(void)state;
	times[0] = (struct tm_recorder_time){ .ns = 10, .birth = 2 };
	times[1] = (struct tm_recorder_time){ .ns = 30, .birth = 7 };
	times[3] = (struct tm_recorder_time){ .ns = 40, .birth = 5 };
	table()->ntimes = 4;
	ages = ages_of();
	assert_false(tm_recorder_birth(&ages, 1, &born));
	assert_true(tm_recorder_birth(&ages, 4, &born) && born == 10);
	assert_true(tm_recorder_birth(&ages, 6, &born) && born == 40);
	assert_true(tm_recorder_birth(&ages, UINT32_MAX, &born) && born == 40);
	tm_recorder_ages_free(&ages);
	table()->ntimes = UINT64_MAX;
	ages = ages_of();
	assert_true(tm_recorder_birth(&ages, 4, &born) && born == 10);
	assert_false(tm_recorder_birth(&ages, 7, &born));
	tm_recorder_ages_free(&ages);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(is_the_table_of_the_peak),
		TEST(is_the_burst),
		TEST(is_of_the_last_of_many),
		TEST(counts_what_is_replaced),
		TEST(a_block_that_is_put_back_is_as_old),
		TEST(tells_what_it_had_no_room_for),
		TEST(believes_no_record_of_another_peak),
		TEST(of_a_new_peak_is_what_there_is),
		TEST(has_the_mappings_of_the_peak),
		TEST(counts_no_file),
		TEST(knows_births_to_a_second),
		TEST(there_is_room_for_years),
		TEST(without_a_clock_nothing_has_an_age),
		TEST(times_are_put_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
