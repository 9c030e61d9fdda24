/*
 * What of a pickle holds other values: lists, tuples, dictionaries, sets and
 * objects of any class. They are distinguished and remembered, never made: no
 * class is looked up.
 */
#ifndef TM_CODEC_PICKLE_NODE_H
#define TM_CODEC_PICKLE_NODE_H

#include <stddef.h>

#include "base/intern.h"
#include "codec/pickle_in.h"

enum node_kind { NODE_LIST, NODE_TUPLE, NODE_DICT, NODE_SET, NODE_OBJECT };

/* The attributes a snapshot consists of; their names' ids in the strings. */
enum attr { ATTR_TRACES_LIST, ATTR_TRACES, ATTR_LIMIT, NATTRS };

#define NO_ATTR UINT32_MAX

struct node {
	uint32_t kind; /* enum node_kind */
	uint32_t cls;  /* of an object: the name of its class, a string */
	struct value state; /* of an object: what BUILD gave */
	/* Of a dictionary keys and values in turn. An object has those that
	 * its pickle appended to it or set in it. */
	struct value *items;
	size_t n, cap;
	uint32_t attr[NATTRS]; /* of a dictionary: where the value is in items */
	bool seen;             /* by a search that enters each but once */
};

struct nodes {
	struct node *items;
	size_t n, cap;
	struct tm_intern strings;
};

void nodes_init(struct nodes *nodes);
void nodes_deinit(struct nodes *nodes);

struct value node_create(struct nodes *nodes, enum node_kind kind,
			 const struct value *items, size_t n);
struct value node_object(struct nodes *nodes, uint32_t cls);
void node_add(struct node *node, const struct value *items, size_t n);

/* The node, or NULL if the value is none. */
struct node *node_of(const struct nodes *nodes, const struct value *value);
/* The value of an object's attribute, VALUE_UNSET if it has none. */
struct value node_attr(const struct nodes *nodes, const struct value *object,
		       enum attr attr);

/* "a list of 12 tracemalloc.Statistic", for messages. */
void node_describe(const struct nodes *nodes, const struct value *value,
		   struct tm_buf *to);

#endif
