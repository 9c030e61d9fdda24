#include "py/greenlets.h"

#include <stdlib.h>
#include <string.h>

#include "base/load.h"

#define GREENLET_TYPE "greenlet.greenlet"

/*
 * greenlet 1 keeps its state in the object; from 2.0 on in a C++ object that
 * the last word of the 40 bytes of a PyGreenlet points to (greenlet.h: pimpl).
 * In neither does a header say where: the frame is found by its type.
 */
enum {
	FIRST_FIELD = 16, PIMPL_AT = 32, PIMPL_SIZE = 40,
	WORDS = 40, MAX_STACK = 256 << 20, MAX_FRAMES = 100000,
};

/* A greenlet's part of the C stack, and where it was copied to (struct
 * StackState: stack_start, stack_stop, stack_copy, stack_saved). */
struct slice {
	tm_addr start, stop, copy;
	uint64_t saved;
};

void py_greenlets_free(struct py_greenlets *greenlets)
{
	free(greenlets->found.items);
	*greenlets = (struct py_greenlets){ 0 };
}

bool py_greenlets_is(struct py_type_names *names, tm_addr object)
{
	struct py_type_name *type = py_type_of(names, object);
	enum { NO = 4, YES = 8 }; /* beside the mark of tasks */

	if (!(type->mark & (NO | YES))) {
		tm_addr base = type->base;
		bool is = strcmp(type->name, GREENLET_TYPE) == 0 ||
			  py_type_base(names, base, GREENLET_TYPE);

		type = py_type_of(names, object);
		type->mark |= is ? YES : NO;
	}
	return type->mark & YES;
}

/* Where the words of the state of a greenlet are. */
static bool state_at(const struct py_greenlets *greenlets, struct tm_mem *mem,
		     tm_addr at, tm_addr *ret, struct tm_err *err)
{
	*ret = at + FIRST_FIELD;
	return !greenlets->inside || tm_mem_u64(mem, at + PIMPL_AT, ret, err);
}

/* Bit i: word i is a frame, or may be one. */
static bool frame_words(const struct py_greenlets *greenlets,
			struct py_type_names *names, tm_addr at,
			uint64_t *is, uint64_t *may_be)
{
	char words[WORDS * 8] = "";
	struct tm_err err;
	tm_addr state;
	size_t n;

	*is = *may_be = 0;
	if (!state_at(greenlets, names->mem, at, &state, &err))
		return false;
	n = tm_mem_read_some(names->mem, state, words, sizeof(words)) / 8;
	for (unsigned i = 0; i < n; i++) {
		tm_addr word = tm_load_u64(words, i * 8);

		if (word && py_type_is(names, word, "frame"))
			*is |= UINT64_C(1) << i;
		else if (!word)
			*may_be |= UINT64_C(1) << i;
	}
	return n > 0;
}

static size_t base_size(struct py_type_names *names, tm_addr at)
{
	struct tm_err err;
	tm_addr type;

	if (!tm_mem_u64(names->mem, at + names->runtime->str.ob_type, &type, &err))
		return 0;
	return py_type_at(names, py_type_base(names, type, GREENLET_TYPE))->size;
}

bool py_greenlets_learn(struct py_greenlets *greenlets, struct py_type_names *names,
			struct tm_err *err)
{
	const struct py_addrs *found = &greenlets->found;
	uint64_t all = UINT64_MAX, any = 0, is, may_be;

	if (!found->n)
		return true;
	greenlets->inside = base_size(names, found->items[0]) == PIMPL_SIZE;
	for (size_t i = 0; i < found->n; i++) {
		if (!frame_words(greenlets, names, found->items[i], &is, &may_be))
			continue;
		any |= is;
		all &= is | may_be;
	}
	/* What is read beyond the end of the object comes after it. */
	greenlets->frame = any & all ? (uint16_t)__builtin_ctzll(any & all) : 0;
	if ((any & all) || found->n == 1)
		return true;
	return tm_err_set(err, TM_ERR_UNSUPPORTED, names->runtime->name,
			  "%zu greenlets have an unknown layout", found->n);
}

static bool is_slice(const struct slice *slice)
{
	return slice->start < slice->stop && slice->stop - slice->start < MAX_STACK &&
	       slice->saved <= slice->stop - slice->start &&
	       (slice->copy != 0) == (slice->saved != 0);
}

/* The four words before the frame that look like one; if there is none,
 * everything is in its place on the stack. */
static struct slice find_slice(const char *words, unsigned frame)
{
	struct slice slice;

	for (unsigned i = 0; i + 4 <= frame; i++) {
		slice = (struct slice){
			.start = tm_load_u64(words, i * 8),
			.stop = tm_load_u64(words, i * 8 + 8),
			.copy = tm_load_u64(words, i * 8 + 16),
			.saved = tm_load_u64(words, i * 8 + 24),
		};
		if (slice.start > UINT32_MAX && is_slice(&slice))
			return slice;
	}
	return (struct slice){ 0 };
}

/* Since 3.12 frames of the C code between Python's are on the C stack. */
static tm_addr in_copy(const struct slice *slice, tm_addr at)
{
	if (at >= slice->start && at - slice->start < slice->saved)
		return slice->copy + (at - slice->start);
	return at;
}

static bool read_frames(struct py_frames *frames, const struct slice *slice,
			tm_addr frame, struct py_stack *ret, struct tm_err *err)
{
	for (unsigned i = 0; frame && i < MAX_FRAMES; i++) {
		frame = in_copy(slice, frame);
		if (!py_frames_read_one(frames, frame, ret, err) ||
		    !tm_mem_u64(frames->mem, frame + frames->fields.frame_previous,
				&frame, err))
			return false;
	}
	return true;
}

bool py_greenlet_read(const struct py_greenlets *greenlets, struct py_frames *frames,
		      tm_addr at, bool *waits, struct py_stack *ret, struct tm_err *err)
{
	uint16_t inner = frames->layout->waiting.frame_inner;
	char words[WORDS * 8] = "";
	struct slice slice;
	tm_addr state, frame;

	ret->n = 0;
	*waits = false;
	if (!greenlets->frame)
		return true;
	if (!state_at(greenlets, frames->mem, at, &state, err))
		return false;
	tm_mem_read_some(frames->mem, state, words, sizeof(words));
	frame = tm_load_u64(words, greenlets->frame * 8);
	*waits = frame != 0;
	if (!frame)
		return true;
	slice = find_slice(words, greenlets->frame);
	if (inner != PY_ABSENT && !tm_mem_u64(frames->mem, frame + inner, &frame, err))
		return false;
	return read_frames(frames, &slice, frame, ret, err);
}
