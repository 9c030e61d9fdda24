/*
 * .tmh files: the same heap comes back; nothing of its strings' values is in the
 * file; bytes that are not as they were written are an error that says where.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "codec/tmh.h"
#include "tests/heap/shop.h"

static char *bytes;
static size_t len;

static void write_bytes(struct tm_heap *heap)
{
	FILE *out = open_memstream(&bytes, &len);
	struct tm_err err;

	assert_true(tmh_write(heap->census, &heap->meta, out, &err));
	fclose(out);
}

static struct tm_heap *read_bytes(const void *from, size_t n, struct tm_err *err)
{
	FILE *in = fmemopen((void *)from, n, "r");
	struct heap_census *census;
	struct tm_meta meta;

	assert_non_null(in);
	census = tmh_read(in, &meta, err);
	fclose(in);
	return census ? tm_heap_create(census, &meta) : NULL;
}

static void check_same(struct heap_census *a, struct heap_census *b)
{
	assert_int_equal(a->graph.nodes, b->graph.nodes);
	assert_int_equal(a->graph.edges, b->graph.edges);
	for (uint32_t node = 0; node < a->graph.nodes; node++) {
		assert_int_equal(a->flags[node], b->flags[node]);
		assert_int_equal(a->info[node], b->info[node]);
		assert_int_equal(a->graph.row[node + 1], b->graph.row[node + 1]);
		assert_int_equal(a->ops->address(a, node), b->ops->address(b, node));
		assert_int_equal(a->ops->size(a, node), b->ops->size(b, node));
	}
	assert_memory_equal(a->graph.to, b->graph.to,
			    a->graph.edges * sizeof(*a->graph.to));
	assert_memory_equal(a->how, b->how, a->graph.edges * sizeof(*a->how));
	assert_memory_equal(&a->proof, &b->proof, sizeof(a->proof));
	for (uint32_t i = 0; i < a->ntypes; i++) {
		assert_string_equal(a->types[i].name, b->types[i].name);
		assert_int_equal(a->types[i].nattributes, b->types[i].nattributes);
	}
	for (uint32_t i = 0; i < a->nroots; i++)
		assert_string_equal(a->roots[i].name, b->roots[i].name);
}

static void test_round_trip(void **state)
{
	struct shop shop;
	struct tm_heap *heap = shop_make(&shop, 20000, 30000), *again;
	struct tm_heap_refs *a, *b;
	struct tm_err err;

	(void)state;
	write_bytes(heap);
	again = read_bytes(bytes, len, &err);
	assert_non_null(again);
	check_same(heap->census, again->census);
	assert_int_equal(again->meta.pid, 4711);
	assert_string_equal(again->meta.runtime, "CPython 3.13.5");
	a = tm_heap_refs(heap, "shop.models.User", false, &err);
	b = tm_heap_refs(again, "shop.models.User", false, &err);
	assert_string_equal(a->paths[0].expression, b->paths[0].expression);
	assert_int_equal(a->retained, b->retained);
	assert_true(len < 6 * (size_t)heap->census->proof.objects);
	tm_heap_refs_destroy(a);
	tm_heap_refs_destroy(b);
	tm_heap_destroy(again);
	tm_heap_destroy(heap);
	free(bytes);
}

static void test_large_block(void **state)
{
	struct shop shop = shop_open();
	struct tm_heap *heap, *again;
	struct tm_err err;
	uint32_t list = made_object(shop.made, shop.list, 64);

	(void)state;
	made_root(shop.made, HEAP_ROOT_MODULE, "m", NULL, list);
	made_buffer(shop.made, list, UINT32_MAX);
	heap = made_finish(shop.made);
	write_bytes(heap);
	again = read_bytes(bytes, len, &err);
	assert_non_null(again);
	assert_int_equal(again->census->ops->size(again->census, 2), UINT32_MAX);
	tm_heap_destroy(again);
	tm_heap_destroy(heap);
	free(bytes);
}

/* The values are 'name 0' to 'name 2'; of the keys of the large dict the first few
 * are kept. */
static void test_private(void **state)
{
	struct shop shop;
	struct tm_heap *heap = shop_make(&shop, 500, 0), *again;
	struct tm_buf key = { 0 };
	struct tm_err err;

	(void)state;
	write_bytes(heap);
	again = read_bytes(bytes, len, &err);
	assert_null(tm_heap_duplicates(again, true, &err));
	assert_int_equal(err.kind, TM_ERR_UNSUPPORTED);
	for (uint32_t node = 0; node < again->census->graph.nodes; node++) {
		tm_buf_clear(&key);
		if (!again->census->ops->key(again->census, node, &key))
			continue;
		assert_null(strstr(key.data, "name "));
		assert_null(strstr(key.data, "k40"));
	}
	tm_buf_free(&key);
	tm_heap_destroy(again);
	tm_heap_destroy(heap);
	free(bytes);
}

/* The literals of keys that are no nodes; one that is of no number. */
static void test_static_keys(void **state)
{
	struct shop shop;
	struct tm_heap *heap = shop_make(&shop, 10, 5), *again;
	struct heap_census *census = heap->census;
	struct tm_buf text = { 0 };
	struct tm_err err;
	uint64_t edge = 0;
	uint32_t key;

	(void)state;
	while (heap_edge_kind(census->how[edge]) != HEAP_EDGE_VALUE)
		edge++;
	assert_int_not_equal(heap_census_add_key(census, "5"), 0);
	key = heap_census_add_key(census, "'cache'");
	for (uint32_t more = 0; more < 2; more++) {
		census->how[edge] = (uint32_t)HEAP_EDGE_VALUE << HEAP_EDGE_SHIFT |
				    (key + more);
		write_bytes(heap);
		again = read_bytes(bytes, len, &err);
		assert_non_null(again);
		check_same(census, again->census);
		tm_buf_clear(&text);
		heap_edge_text(again->census, 1, edge, &text);
		assert_string_equal(text.data, more ? "[?]" : "['cache']");
		tm_heap_destroy(again);
		free(bytes);
	}
	census->graph.nodes = HEAP_EDGE_MAX - 2;
	assert_int_equal(heap_census_add_key(census, "6"), 0);
	census->graph.nodes = key - 1;
	tm_buf_free(&text);
	tm_heap_destroy(heap);
}

static void test_damaged(void **state)
{
	struct shop shop;
	struct tm_heap *heap = shop_make(&shop, 50, 20), *again;
	struct tm_err err;

	(void)state;
	write_bytes(heap);
	for (size_t at = 0; at < len; at++) {
		bytes[at] ^= 0x41;
		again = read_bytes(bytes, len, &err);
		assert_null(again);
		assert_true(err.kind == TM_ERR_CORRUPT || err.kind == TM_ERR_UNSUPPORTED);
		bytes[at] ^= 0x41;
	}
	for (size_t n = 1; n < len; n += 7) {
		again = read_bytes(bytes, n, &err);
		assert_null(again);
		assert_int_equal(err.kind, TM_ERR_CORRUPT);
	}
	tm_heap_destroy(heap);
	free(bytes);
}

/* Tables that contradict each other, with right checksums. */
static void test_forged(void **state)
{
	struct shop shop;
	struct tm_err err;

	(void)state;
	for (int forgery = 0; forgery < 5; forgery++) {
		struct tm_heap *heap = shop_make(&shop, 10, 5);
		struct heap_census *census = heap->census;
		uint32_t buffer = 1;

		while (heap_node_kind(census, buffer) != HEAP_BUFFER)
			buffer++;
		switch (forgery) {
		case 0: census->info[buffer] = census->graph.nodes; break;
		case 1: census->info[buffer] = buffer; break;
		case 2: census->graph.to[5] = census->graph.nodes + 3; break;
		case 3: census->nroots--; break;
		case 4: census->how[7] = 15u << HEAP_EDGE_SHIFT; break;
		}
		write_bytes(heap);
		assert_null(read_bytes(bytes, len, &err));
		assert_int_equal(err.kind, TM_ERR_CORRUPT);
		tm_heap_destroy(heap);
		free(bytes);
	}
}

static void test_save(void **state)
{
	char path[] = "/tmp/heap_file_test.XXXXXX";
	struct shop shop;
	struct tm_heap *heap = shop_make(&shop, 10, 5), *again;
	struct tm_err err;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_true(tm_heap_save(heap, path, TM_HEAP_TMH, &err));
	again = tm_heap_load(path, &err);
	assert_non_null(again);
	tm_heap_destroy(again);
	assert_int_equal(ftruncate(fd, 0), 0);
	close(fd);
	unlink(path);
	assert_null(tm_heap_load("/dev/null", &err));
	assert_null(tm_heap_load(path, &err));
	assert_int_equal(err.kind, TM_ERR_OS);
	assert_false(tm_heap_save(heap, "/nowhere/x.tmh", TM_HEAP_TMH, &err));
	tm_heap_destroy(heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_large_block),
		cmocka_unit_test(test_private),
		cmocka_unit_test(test_static_keys),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_save),
	};

	return cmocka_run_group_tests_name("heap_file", tests, NULL, NULL);
}
