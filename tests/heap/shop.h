/*
 * A heap as a web shop would have it: a dict of sessions in a module, each with
 * its __dict__, a user whom several share, names that are equal; a list in the
 * locals of a thread; garbage in a ring; native memory that holds an object.
 */
#ifndef TM_TESTS_HEAP_SHOP_H
#define TM_TESTS_HEAP_SHOP_H

#include "tests/heap/made.h"

struct shop {
	struct made *made;
	uint32_t dict, list, str, integer, session, user, node;
	uint32_t store, config, head; /* nodes to look for */
};

static inline uint32_t shop_dict(struct shop *shop, uint32_t *ret_table)
{
	uint32_t dict = made_object(shop->made, shop->dict, 64);

	*ret_table = made_buffer(shop->made, dict, 192);
	return dict;
}

static inline void shop_sessions(struct shop *shop, uint32_t table, uint32_t n)
{
	struct made *made = shop->made;
	uint32_t key_user = made_str(made, shop->str, "'user'", 64);
	uint32_t key_name = made_str(made, shop->str, "'name'", 64), user = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t session = made_object(made, shop->session, 48), own;
		uint32_t dict = shop_dict(shop, &own);
		char literal[32];

		/* Four sessions share a user. */
		if (i % 4 == 0)
			user = made_object(made, shop->user, 96);
		snprintf(literal, sizeof(literal), "'k%u'", i);
		made_item(made, table, made_str(made, shop->str, literal, 64), session);
		made_edge(made, session, dict, HEAP_EDGE_DICT, 0);
		made_item(made, own, key_user, user);
		snprintf(literal, sizeof(literal), "'name %u'", i % 3);
		made_item(made, own, key_name, made_str(made, shop->str, literal, 64));
	}
}

/* A linked list; `next` is the first attribute of its nodes. */
static inline void shop_chain(struct shop *shop, uint32_t table, uint32_t n)
{
	static const char *const attributes[] = { "next", "value" };
	struct made *made = shop->made;
	uint32_t key = made_str(made, shop->str, "'head'", 64), before = 0;

	made->census.types[shop->node].attributes = attributes;
	made->census.types[shop->node].nattributes = 2;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t link = made_object(made, shop->node, 64);

		made_edge(made, link, made_object(made, shop->integer, 32),
			  HEAP_EDGE_ATTRIBUTE, 1);
		if (before)
			made_edge(made, before, link, HEAP_EDGE_ATTRIBUTE, 0);
		else
			made_item(made, table, key, shop->head = link);
		before = link;
	}
}

static inline void shop_garbage(struct shop *shop, uint32_t n)
{
	uint32_t first = 0, before = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t node = made_object(shop->made, shop->list, 64);

		shop->made->census.flags[node] |= HEAP_GARBAGE;
		if (before)
			made_edge(shop->made, before, node, HEAP_EDGE_INDEX, 0);
		first = first ? first : node;
		before = node;
	}
	made_edge(shop->made, before, first, HEAP_EDGE_INDEX, 0);
}

static inline struct shop shop_open(void)
{
	struct shop shop = { .made = made_create() };

	shop.dict = made_type(shop.made, "builtins", "dict");
	shop.list = made_type(shop.made, "builtins", "list");
	shop.str = made_type(shop.made, "builtins", "str");
	shop.integer = made_type(shop.made, "builtins", "int");
	shop.session = made_type(shop.made, "shop.models", "Session");
	shop.user = made_type(shop.made, "shop.models", "User");
	shop.node = made_type(shop.made, "shop.chain", "Link");
	return shop;
}

/* `sessions` in shop.cache.store, `links` in shop.cache.head. */
static inline struct tm_heap *shop_make(struct shop *shop, uint32_t sessions,
					uint32_t links)
{
	struct made *made;
	uint32_t module, table, rows, i, raw;

	*shop = shop_open();
	made = shop->made;
	module = shop_dict(shop, &table);
	made_root(made, HEAP_ROOT_MODULE, "shop.cache", NULL, module);
	shop->store = made_object(made, shop->dict, 64);
	made_item(made, table, made_str(made, shop->str, "'store'", 64), shop->store);
	shop_sessions(shop, made_buffer(made, shop->store, 64 * sessions + 64), sessions);
	if (links)
		shop_chain(shop, table, links);
	rows = made_object(made, shop->list, 64);
	made_root(made, HEAP_ROOT_FRAME, "thread 4711: handle()", "rows", rows);
	raw = made_buffer(made, rows, 256);
	for (i = 0; i < 20; i++)
		made_edge(made, raw, made_object(made, shop->integer, 32),
			  HEAP_EDGE_INDEX, i);
	raw = made_node(made, HEAP_RAW, 0, 4096);
	made_root(made, HEAP_ROOT_NATIVE, "memory of native code", NULL, raw);
	shop->config = made_object(made, shop->dict, 64);
	made_edge(made, raw, shop->config, HEAP_EDGE_WORD, 3);
	made->census.flags[shop->config] |= HEAP_HOLDER_SURPLUS << HEAP_HOLDER_SHIFT;
	shop_garbage(shop, 5);
	return made_finish(made);
}

#endif
