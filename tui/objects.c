#include "objects.h"

#include <stdlib.h>

#include "base/alloc.h"

/* For so many types it is computed what they retain, the largest first. */
#define RETAINED_TYPES 126
/* A path may lead to millions; those that retain most are shown. */
#define INSTANCES_MAX 200

struct objects *objects_create(struct tm_heap *heap, struct tm_err *err)
{
	const struct tm_heap_query query = { .key = TM_HEAP_TYPE };
	struct objects *objects;
	struct tm_heap_groups *types = heap ? tm_heap_group(heap, &query, err) : NULL;

	if (!types) {
		tm_heap_destroy(heap);
		return NULL;
	}
	objects = tm_calloc(1, sizeof(*objects));
	atomic_init(&objects->refs, 1);
	objects->heap = heap;
	objects->pause_ns = tm_heap_meta(heap)->pause_ns;
	objects->types = types;
	return objects;
}

struct objects *objects_get(struct objects *objects)
{
	if (objects)
		atomic_fetch_add(&objects->refs, 1);
	return objects;
}

void objects_put(struct objects *objects)
{
	if (!objects || atomic_fetch_sub(&objects->refs, 1) != 1)
		return;
	tm_heap_groups_destroy(objects->types);
	tm_heap_destroy(objects->heap);
	free(objects);
}

void objects_query_deinit(struct objects_query *query)
{
	objects_put(query->objects);
	free(query->type);
	*query = (struct objects_query){ 0 };
}

void objects_answer_init(struct objects_answer *ret, struct objects_query *query)
{
	const struct tm_heap_query retained = {
		.key = TM_HEAP_TYPE, .retained = true, .limit = RETAINED_TYPES,
	};
	struct tm_heap *heap = query->objects->heap;

	*ret = (struct objects_answer){ .query = *query };
	*query = (struct objects_query){ 0 };
	switch (ret->query.about) {
	case OBJECTS_RETAINED:
		ret->types = tm_heap_group(heap, &retained, &ret->err);
		break;
	case OBJECTS_HOLDERS:
		ret->holders = tm_heap_refs(heap, ret->query.type, false, &ret->err);
		break;
	case OBJECTS_INSTANCES:
		ret->instances = tm_heap_instances(heap, ret->query.type,
						   ret->query.pattern, INSTANCES_MAX,
						   &ret->err);
		break;
	case OBJECTS_ABOUT:
		break;
	}
}

void objects_answer_deinit(struct objects_answer *answer)
{
	objects_query_deinit(&answer->query);
	tm_heap_groups_destroy(answer->types);
	tm_heap_refs_destroy(answer->holders);
	tm_heap_instances_destroy(answer->instances);
	*answer = (struct objects_answer){ 0 };
}
