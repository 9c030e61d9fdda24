#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "py/layout.h"
#include "py/running.h"

/*
 * A process in a page: states at 0x000 and 0x200, frames from 0x400 on, the
 * stacks of two threads at 0x800 and 0xc00, side by side.
 */
enum {
	STATE_A = 0x000, STATE_B = 0x200, FRAMES = 0x400, FRAME = 0x80,
	STACK_0 = 0x800, STACK_1 = 0xc00, END = 0x1000,
};

#define BASE ((tm_addr)0x10000)

static uint64_t words[END / 8];

struct fixture {
	struct py_layout layout;
	struct py_runtime runtime;
	struct py_frames frames;
	struct py_tstate states[2];
	struct py_thread threads[2];
};

static void put(unsigned at, uint64_t value)
{
	words[at / 8] = value;
}

static void begin(struct fixture *f, const struct py_stack_layout *layout)
{
	memset(words, 0, sizeof(words));
	*f = (struct fixture){
		.layout = { .stack = *layout },
		.states = { { .at = BASE + STATE_A, .id = 1 },
			    { .at = BASE + STATE_B, .id = 1 } },
		.threads = {
			{ .self = 1, .stack = BASE + STACK_0 + 0x100,
			  .stack_end = BASE + END },
			{ .self = 2, .stack = BASE + STACK_1 + 0x100,
			  .stack_end = BASE + END },
		},
	};
	f->runtime.layout = &f->layout;
	f->frames = (struct py_frames){
		.mem = tm_mem_bytes(BASE, words, sizeof(words)),
		.runtime = &f->runtime,
		.layout = layout,
		.fields = layout->fields,
	};
}

static void find(struct fixture *f, bool several)
{
	py_running_find(&f->frames, several, f->states, 2, f->threads, 2);
	tm_mem_destroy(f->frames.mem);
}

/* Frames `first` to `last` of 3.8, the newest first, are the state's. */
static void give_frames(unsigned state, unsigned first, unsigned last)
{
	put(state + py_layout_find(8)->stack.fields.thread_frame, BASE + FRAMES + first * FRAME);
	for (unsigned i = first; i < last; i++)
		put(FRAMES + i * FRAME + py_layout_find(8)->stack.fields.frame_previous,
		    BASE + FRAMES + (i + 1) * FRAME);
}

/* A word on a stack, above where its thread is. */
static void push(unsigned stack, unsigned i, uint64_t value)
{
	put(stack + 0x100 + i * 8, value);
}

static void push_frame(unsigned stack, unsigned i, unsigned frame)
{
	push(stack, i, BASE + FRAMES + frame * FRAME);
}

static void cframe_tells(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, &py_layout_find(12)->stack);
	/* A's loop is on the stack of thread 1, B runs nothing. */
	put(STATE_A + 56, BASE + STACK_1 + 0x180);
	put(STACK_1 + 0x180, BASE + FRAMES);
	put(STATE_B + 56, BASE + STATE_B + 0x110);
	find(&f, true);
	assert_int_equal(f.states[0].thread, 1);
	assert_int_equal(f.states[0].place, BASE + STACK_1 + 0x180);
	assert_int_equal(f.states[0].frame, BASE + FRAMES);
	assert_true(f.states[1].thread == PY_NO_THREAD);
	assert_int_equal(f.states[1].frame, 0);
}

static void nearest_stack_below_holds_it(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, &py_layout_find(12)->stack);
	put(STATE_A + 56, BASE + STACK_1 + 0x0f8); /* above thread 0's place only */
	put(STATE_B + 56, BASE + STACK_0 + 0x0f8); /* below both */
	find(&f, true);
	assert_int_equal(f.states[0].thread, 0);
	assert_true(f.states[1].thread == PY_NO_THREAD);
}

/* Threads that do not stop are not in the list, and have their stacks above, too. */
static void a_stack_ends_at_its_thread_pointer(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, &py_layout_find(12)->stack);
	f.threads[0].self = BASE + STACK_0 + 0x200;
	f.threads[1].self = BASE + STACK_1 + 0x200;
	put(STATE_A + 56, BASE + STACK_0 + 0x180);
	put(STATE_B + 56, BASE + STACK_1 + 0x280);
	find(&f, true);
	assert_int_equal(f.states[0].thread, 0);
	assert_true(f.states[1].thread == PY_NO_THREAD);
}

static void one_interpreter_is_told_by_its_id(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, &py_layout_find(8)->stack);
	give_frames(STATE_A, 0, 1);
	f.states[1].id = 2;
	find(&f, false);
	assert_int_equal(f.states[0].thread, 0);
	assert_int_equal(f.states[1].thread, 1);
}

static void pointers_in_order_tell(void **state)
{
	struct fixture f;
	const uint64_t newest = BASE + FRAMES;

	(void)state;
	begin(&f, &py_layout_find(8)->stack);
	give_frames(STATE_A, 0, 2);
	give_frames(STATE_B, 3, 4);
	/* Thread 1 runs A: its newest frame is in a register. */
	f.threads[1].regs = &newest;
	f.threads[1].nregs = 1;
	push(STACK_1, 1, BASE + STATE_A);
	push_frame(STACK_1, 4, 1);
	push_frame(STACK_1, 5, 1);
	push_frame(STACK_1, 9, 2);
	/* Thread 0 has remnants of A in another order, and runs B. */
	push_frame(STACK_0, 2, 1);
	push_frame(STACK_0, 3, 0);
	push(STACK_0, 4, BASE + STATE_A);
	push(STACK_0, 5, BASE + STATE_B);
	push_frame(STACK_0, 6, 3);
	push_frame(STACK_0, 7, 4);
	f.threads[0].stack_end = BASE + STACK_1;
	find(&f, true);
	assert_int_equal(f.states[0].thread, 1);
	assert_int_equal(f.states[1].thread, 0);
	assert_int_equal(f.states[1].place, BASE + STACK_0 + 0x100 + 6 * 8);
}

static void who_cannot_be_told_is_not_guessed(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, &py_layout_find(8)->stack);
	give_frames(STATE_A, 0, 0);
	give_frames(STATE_B, 1, 1);
	/* Both look like A's thread; B's frame is there without its state. */
	push(STACK_0, 0, BASE + STATE_A);
	push_frame(STACK_0, 1, 0);
	push(STACK_1, 0, BASE + STATE_A);
	push_frame(STACK_1, 1, 0);
	push_frame(STACK_1, 2, 1);
	f.threads[0].stack_end = BASE + STACK_1;
	find(&f, true);
	assert_true(f.states[0].thread == PY_NO_THREAD);
	assert_true(f.states[1].thread == PY_NO_THREAD);
	assert_int_equal(f.states[1].frame, BASE + FRAMES + FRAME);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cframe_tells),
		cmocka_unit_test(nearest_stack_below_holds_it),
		cmocka_unit_test(a_stack_ends_at_its_thread_pointer),
		cmocka_unit_test(one_interpreter_is_told_by_its_id),
		cmocka_unit_test(pointers_in_order_tell),
		cmocka_unit_test(who_cannot_be_told_is_not_guessed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
