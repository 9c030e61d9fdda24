/*
 * Where an object has its references, noted down word by word: what the files of
 * kinds share. Private to them.
 */
#ifndef TM_PY_PLAN_H
#define TM_PY_PLAN_H

#include "base/load.h"
#include "py/census_private.h"

enum { OB_SIZE = 16 };

/* A word of the object; 0 if it is not there. */
static inline uint64_t plan_word(const struct py_object *object, uint64_t off)
{
	return off + 8 <= object->len ? tm_load_u64(object->bytes, off) : 0;
}

static inline void plan_add_words(struct py_plan *plan, struct py_words words)
{
	if (words.n && plan->nwords < sizeof(plan->words) / sizeof(plan->words[0]))
		plan->words[plan->nwords++] = words;
}

static inline void plan_add(struct py_plan *plan, uint64_t off, uint64_t n,
			    unsigned level, enum heap_edge_kind how, uint32_t value)
{
	plan_add_words(plan, (struct py_words){
		.off = off, .n = n, .stride = 8, .level = (uint8_t)level,
		.how = (uint8_t)how, .value = value,
	});
}

static inline void plan_add_fields(struct py_plan *plan, uint64_t off, uint64_t end)
{
	if (end > off)
		plan_add(plan, off, (end - off) / 8, 2, HEAP_EDGE_FIELD, (uint32_t)(off / 8));
}

static inline void plan_skip(struct py_plan *plan, uint32_t off)
{
	if (plan->nskip < sizeof(plan->skip) / sizeof(plan->skip[0]))
		plan->skip[plan->nskip++] = off;
}

static inline bool is_inside(const struct py_object *object, tm_addr at)
{
	return at >= object->at && at - object->at < object->room;
}

static inline void plan_claim(struct py_census *census, const struct py_object *object,
			      tm_addr at, enum py_use use, uint32_t aux)
{
	if (census->collecting && at && !is_inside(object, at))
		py_claim(census, object->node, at, use, aux);
}

/* How many words fit from `off` to the end of the block. */
static inline uint64_t words_left(const struct py_object *object, uint64_t off)
{
	return off < object->room ? (object->room - off) / 8 : 0;
}

static inline uint64_t at_most(uint64_t n, uint64_t most)
{
	return n < most ? n : most;
}

/* What the types between its kind's and its own have added. */
void py_plan_body(const struct py_type *type, const struct py_object *object,
		  struct py_plan *plan);
/* Frames, and the generators and coroutines that have one. */
void py_plan_frame(struct py_census *census, const struct py_type *type,
		   const struct py_object *object, struct py_plan *plan);
void py_plan_generator(struct py_census *census, const struct py_object *object,
		       const struct py_type *type, struct py_plan *plan);

#endif
