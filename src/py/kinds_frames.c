#include "py/coroutines.h"
#include "py/plan.h"

enum {
	FRAME_VALUESTACK = 64,       /* PyFrameObject, until 3.10 */
	FRAME_CODE_3_7 = 32, FRAME_TRACE_3_10 = 72,
	GEN_RUNNING = 24,            /* until 3.9 */
};

static const struct py_waiting_layout *waiting_of(const struct py_census *census)
{
	return &census->runtime.layout->stack.waiting;
}

/* Locals and the stack of a frame whose words begin at `off`. */
static void add_locals(struct py_plan *plan, const struct py_object *object,
		       uint64_t off, uint64_t n)
{
	plan_add(plan, off, at_most(n, words_left(object, off)), 2, HEAP_EDGE_LOCAL, 0);
}

/* A _PyInterpreterFrame in the object. */
static void plan_frame_in(struct py_census *census, const struct py_object *object,
			  uint64_t off, struct py_plan *plan)
{
	const struct py_object_layout *layout = census->layout;
	uint64_t locals = off + layout->frame_locals, n = UINT64_MAX;
	uint64_t top = plan_word(object, off + waiting_of(census)->stack_top);

	if (waiting_of(census)->gen == PY_GEN_INSIDE_TOP) {
		if (top >= object->at + locals)
			n = (top - object->at - locals) / 8;
	} else if ((int32_t)top >= 0) {
		n = (uint32_t)top;
	}
	plan->code = plan_word(object, off + census->runtime.layout->stack.fields.frame_code);
	if (census->runtime.layout->stack.kind == PY_STACK_DEBUG_OFFSETS)
		plan->code = plan_word(object, off);
	/* Its globals and builtins are the function's, which it holds. */
	plan_add_fields(plan, off, off + layout->frame_func + 8);
	plan_add_fields(plan, off + layout->frame_f_locals, locals);
	add_locals(plan, object, locals, n);
}

/*
 * The stack of a frame of 3.7 to 3.10: what is above its top is stale. Where that is
 * not told the frame runs, and of its stack only what nobody else counts is believed.
 */
static void add_stack(struct py_census *census, const struct py_object *object,
		      tm_addr stack, uint32_t nlocals, struct py_plan *plan)
{
	const uint64_t top = plan_word(object, waiting_of(census)->stack_top);
	const uint64_t off = stack - object->at;
	uint64_t n = words_left(object, off);
	bool runs;

	if (waiting_of(census)->gen == PY_GEN_STACK_TOP) {
		runs = top == 0;
		n = runs ? n : at_most(top > stack ? (top - stack) / 8 : 0, n);
	} else {
		runs = (int32_t)top < 0;
		n = runs ? n : at_most((uint32_t)top, n);
	}
	plan_add(plan, off, n, runs ? PY_LEVEL_RAW : PY_LEVEL_BODY, HEAP_EDGE_LOCAL,
		 nlocals);
}

static void plan_old_frame(struct py_census *census, const struct py_object *object,
			   struct py_plan *plan)
{
	const uint32_t locals = census->layout->frame_locals;
	const bool top_first = waiting_of(census)->gen == PY_GEN_STACK_TOP;
	const tm_addr stack = plan_word(object, FRAME_VALUESTACK);

	plan->code = plan_word(object, FRAME_CODE_3_7);
	plan_add_fields(plan, 16, FRAME_VALUESTACK);
	/* Of what follows it holds f_trace; the generator it is of holds it. */
	plan_add(plan, top_first ? FRAME_TRACE_3_10 + 8 : FRAME_TRACE_3_10, 1, 2,
		 HEAP_EDGE_FIELD, 0);
	if (stack < object->at + locals || !is_inside(object, stack)) {
		add_locals(plan, object, locals, UINT64_MAX);
		return;
	}
	add_locals(plan, object, locals, (stack - object->at - locals) / 8);
	add_stack(census, object, stack, (uint32_t)((stack - object->at - locals) / 8), plan);
}

void py_plan_frame(struct py_census *census, const struct py_type *type,
		   const struct py_object *object, struct py_plan *plan)
{
	const uint16_t field = waiting_of(census)->frame_inner;
	tm_addr frame;

	if (field == PY_ABSENT) {
		plan_old_frame(census, object, plan);
		return;
	}
	frame = plan_word(object, field);
	if (frame > object->at && is_inside(object, frame)) {
		plan_add_fields(plan, 16, frame - object->at);
		plan_frame_in(census, object, frame - object->at, plan);
	} else {
		/* The frame is elsewhere, and the room for it not used. */
		plan_add_fields(plan, 16, at_most(object->room, type->basicsize -
						  census->layout->frame_locals));
	}
}

void py_plan_generator(struct py_census *census, const struct py_object *object,
		       const struct py_type *type, struct py_plan *plan)
{
	const struct py_waiting_layout *waiting = waiting_of(census);

	if (waiting->gen < PY_GEN_INSIDE) {
		/* gi_running is a byte, and what follows it is not written. */
		if (waiting->gen == PY_GEN_STACK_TOP)
			plan_skip(plan, GEN_RUNNING);
		plan_add_fields(plan, 16, at_most(type->basicsize, object->room));
		return;
	}
	/* Before the frame stand origin_or_finalizer, which only coroutines and
	 * asynchronous generators have written, and a word of bytes. */
	plan_add_fields(plan, 16, waiting->gen_frame -
				  (type->kind == PY_KIND_COROUTINE ? 8u : 16u));
	/* What it held when it ended is still written there. */
	if (waiting->state < object->len &&
	    py_gen_state(waiting, (int8_t)tm_load_u8(object->bytes, waiting->state)) !=
		    PY_CHAIN_FINISHED)
		plan_frame_in(census, object, waiting->gen_frame, plan);
}
