#include "py/coroutines.h"

#include <string.h>

#include "py/interpreters.h"

enum {
	MAX_CHAIN = 100000,
	/* The first field of coroutine_wrapper, PyAsyncGenASend and ...AThrow,
	 * anext_awaitable (Objects/genobject.c, iterobject.c): what they wait
	 * for or belong to. The same from 3.7 to 3.15. */
	WRAPPED = 16,
	OPCODE_YIELD_FROM = 72, /* 3.7 to 3.10 */
	RESUME_FROM = 2,        /* oparg of RESUME: after `yield from` or await */
	TAG_BITS = 7,           /* of a _PyStackRef */
	BYTES_DATA = 32,
};

struct chain {
	struct py_frames *frames;
	struct py_type_names *names;
	const struct py_waiting_layout *layout;
	struct tm_mem *mem;
};

bool py_is_coroutine(struct py_type_names *names, tm_addr object)
{
	const struct py_type_name *type = py_type_of(names, object);
	const char *dot = strrchr(type->name, '.');

	if (type->heap && !dot)
		return false;
	return strcmp(dot ? dot + 1 : type->name, "coroutine") == 0 ||
	       strcmp(type->name, "generator") == 0;
}

static bool has_frame(struct chain *chain, tm_addr object)
{
	return py_type_is(chain->names, object, "coroutine") ||
	       py_type_is(chain->names, object, "generator") ||
	       py_type_is(chain->names, object, "async_generator");
}

/* What a wrapper wraps; 0: it is not a wrapper. */
static tm_addr unwrap(struct chain *chain, tm_addr object)
{
	static const char *const wrappers[] = {
		"coroutine_wrapper", "async_generator_asend",
		"async_generator_athrow", "anext_awaitable",
	};
	struct tm_err err;
	tm_addr ret = 0;

	for (size_t i = 0; i < sizeof(wrappers) / sizeof(wrappers[0]); i++)
		if (py_type_is(chain->names, object, wrappers[i]) &&
		    tm_mem_u64(chain->mem, object + WRAPPED, &ret, &err))
			return ret;
	return 0;
}

/* ---- states ---------------------------------------------------------------- */

enum py_chain_state py_gen_state(const struct py_waiting_layout *layout, int8_t state)
{
	if (state == layout->created)
		return PY_CHAIN_CREATED;
	if (state == layout->suspended || state == layout->delegating)
		return PY_CHAIN_WAITS;
	return state == layout->executing ? PY_CHAIN_RUNS : PY_CHAIN_FINISHED;
}

/* Until 3.9 from what the frame has: no stack while it runs. */
static bool old_state(struct chain *chain, tm_addr frame,
		      enum py_chain_state *ret, struct tm_err *err)
{
	uint32_t lasti;
	tm_addr top;

	if (!tm_mem_u64(chain->mem, frame + chain->layout->stack_top, &top, err) ||
	    !tm_mem_u32(chain->mem, frame + chain->frames->fields.frame_instr,
			&lasti, err))
		return false;
	*ret = !top ? PY_CHAIN_RUNS : (int32_t)lasti == -1 ? PY_CHAIN_CREATED
							   : PY_CHAIN_WAITS;
	return true;
}

/* The frame of a coroutine, 0 where it has finished, and its state. */
static bool find_frame(struct chain *chain, tm_addr object, tm_addr *ret_frame,
		       enum py_chain_state *ret, int8_t *ret_raw, struct tm_err *err)
{
	const struct py_waiting_layout *layout = chain->layout;
	bool inside = layout->gen >= PY_GEN_INSIDE;
	tm_addr at = object + layout->gen_frame;

	*ret = PY_CHAIN_FINISHED;
	*ret_raw = 0;
	*ret_frame = at;
	if (!inside && !tm_mem_u64(chain->mem, at, ret_frame, err))
		return false;
	if (!*ret_frame)
		return true;
	if (layout->gen == PY_GEN_STACK_TOP)
		return old_state(chain, *ret_frame, ret, err);
	if (!tm_mem_read(chain->mem, (inside ? object : *ret_frame) + layout->state,
			 ret_raw, 1, err))
		return false;
	*ret = py_gen_state(layout, *ret_raw);
	return true;
}

/* ---- what it waits for ------------------------------------------------------ */

static bool stack_end(struct chain *chain, tm_addr frame, tm_addr *ret,
		      struct tm_err *err)
{
	const struct py_waiting_layout *layout = chain->layout;
	tm_addr base = frame + layout->stack_base;
	uint32_t depth;

	if (layout->gen == PY_GEN_STACK_TOP || layout->gen == PY_GEN_INSIDE_TOP)
		return tm_mem_u64(chain->mem, frame + layout->stack_top, ret, err);
	if (layout->gen == PY_GEN_STACK_DEPTH &&
	    !tm_mem_u64(chain->mem, base, &base, err))
		return false;
	if (!tm_mem_u32(chain->mem, frame + layout->stack_top, &depth, err))
		return false;
	*ret = depth <= UINT16_MAX ? base + depth * 8 : 0;
	return true;
}

/* Until 3.10: is the next instruction a YIELD_FROM? */
static bool next_is_yield_from(struct chain *chain, tm_addr frame, bool *ret,
			       struct tm_err *err)
{
	const struct py_stack_fields *f = &chain->frames->fields;
	bool words = chain->layout->gen == PY_GEN_STACK_DEPTH;
	uint8_t opcode = 0;
	uint32_t lasti;
	tm_addr code;

	if (!tm_mem_u32(chain->mem, frame + f->frame_instr, &lasti, err) ||
	    !tm_mem_u64(chain->mem, frame + f->frame_code, &code, err) ||
	    !tm_mem_u64(chain->mem, code + chain->layout->code_bytes, &code, err) ||
	    !tm_mem_read(chain->mem, code + BYTES_DATA +
			 (words ? ((tm_addr)lasti + 1) * 2 : (tm_addr)lasti + 2),
			 &opcode, 1, err))
		return false;
	*ret = opcode == OPCODE_YIELD_FROM;
	return true;
}

/* A plain `yield` leaves whatever its frame works on on top of the stack. */
static bool delegates(struct chain *chain, tm_addr object, tm_addr frame,
		      int8_t raw, bool *ret, struct tm_err *err)
{
	const struct py_waiting_layout *layout = chain->layout;
	uint8_t resume[2] = { 0 };
	tm_addr instr;

	if (layout->gen < PY_GEN_INSIDE)
		return next_is_yield_from(chain, frame, ret, err);
	if (layout->delegating != layout->suspended) {
		*ret = raw == layout->delegating;
		return true;
	}
	(void)object;
	if (!tm_mem_u64(chain->mem, frame + chain->frames->fields.frame_instr,
			&instr, err) ||
	    !tm_mem_read(chain->mem, instr + 2, resume, sizeof(resume), err))
		return false;
	*ret = (resume[1] & 3) >= RESUME_FROM;
	return true;
}

static bool awaited(struct chain *chain, tm_addr object, tm_addr frame,
		    int8_t raw, tm_addr *ret, struct tm_err *err)
{
	bool any = false;
	tm_addr end;

	*ret = 0;
	if (!delegates(chain, object, frame, raw, &any, err))
		return false;
	if (!any)
		return true;
	if (!stack_end(chain, frame, &end, err) ||
	    !tm_mem_u64(chain->mem, end - 8 - chain->layout->above_awaited, ret, err))
		return false;
	*ret &= ~(tm_addr)TAG_BITS;
	return true;
}

/* One coroutine: its frame, and what it waits for. */
static bool read_link(struct chain *chain, tm_addr *object, struct py_stack *ret,
		      enum py_chain_state *state, struct tm_err *err)
{
	tm_addr frame, at = *object;
	int8_t raw;

	*object = 0;
	if (!find_frame(chain, at, &frame, state, &raw, err))
		return false;
	if (*state != PY_CHAIN_WAITS && *state != PY_CHAIN_CREATED)
		return true;
	if (!py_frames_read_one(chain->frames, frame, ret, err))
		return false;
	return *state == PY_CHAIN_CREATED ||
	       awaited(chain, at, frame, raw, object, err);
}

bool py_chain_read(struct py_frames *frames, struct py_type_names *names,
		   tm_addr object, struct py_stack *ret,
		   enum py_chain_state *ret_state, struct tm_err *err)
{
	struct chain chain = { frames, names, &frames->layout->waiting, frames->mem };
	enum py_chain_state state;
	bool first = true;

	ret->n = 0;
	*ret_state = PY_CHAIN_FOREIGN;
	for (unsigned i = 0; object && i < MAX_CHAIN; i++) {
		tm_addr inner = unwrap(&chain, object);

		if (inner) {
			object = inner;
			continue;
		}
		if (!has_frame(&chain, object))
			return true;
		if (!read_link(&chain, &object, ret, &state, err))
			return false;
		if (first || state == PY_CHAIN_RUNS)
			*ret_state = state;
		first = false;
	}
	return true;
}
