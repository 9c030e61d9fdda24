/* C functions and Python functions of one stack, merged by where they are. */
#include "recorder_python.h"

enum { STACK = 16384, IMAGE = 0x500000, OUTSIDE = 0x900000, BEGINNING = 0xa00000, FRAME = 64 };

/* A C stack, newest first, whose frames keep their frame pointers. */
static unsigned char *c_stack;

/* What stands in C frame i: its variables, below its frame pointer. */
static uint64_t in_frame(uint64_t i)
{
	return (uint64_t)c_stack + i * FRAME + 8;
}

static uint64_t frame_pointer(uint64_t i)
{
	return (uint64_t)c_stack + (i + 1) * FRAME - 16;
}

static void know_beginning(void)
{
	const uint64_t key = cache_key(BEGINNING - 1);
	uint64_t *cache = table_at(table()->cache);

	cache[key & ((1u << TM_RECORDER_CACHE_LOG2) - 1)] =
		key >> TM_RECORDER_CACHE_LOG2 << 32 | TM_ROW_END;
}

/* Frame i returns to pcs[i], and the oldest to where the thread begins, or (`cut`) to
 * what is not found. */
static struct frame stand_in(const uint64_t *pcs, uint64_t n, bool cut)
{
	static struct tm_recorder_space *space;

	c_stack = (unsigned char *)take(STACK);
	for (uint64_t i = 0; i < n; i++) {
		PUT(uint64_t, frame_pointer(i), frame_pointer(i + 1));
		PUT(uint64_t, frame_pointer(i) + 8, i + 1 < n ? pcs[i + 1] : cut ? 0 : BEGINNING);
	}
	know_beginning();
	space = (struct tm_recorder_space *)take(sizeof(*space));
	*space = (struct tm_recorder_space){ .main_stack = (uint64_t)c_stack + STACK };
	table()->space = (uint64_t)space - image.table;
	table()->python.image_start = IMAGE;
	table()->python.image_end = IMAGE + 0x1000;
	return (struct frame){ pcs[0], (uint64_t)c_stack, frame_pointer(0) };
}

#define STAND_IN(...) stand_in((const uint64_t[]){ __VA_ARGS__ }, \
	sizeof((const uint64_t[]){ __VA_ARGS__ }) / 8, false)
#define STAND_IN_CUT(...) stand_in((const uint64_t[]){ __VA_ARGS__ }, \
	sizeof((const uint64_t[]){ __VA_ARGS__ }) / 8, true)

static uint64_t make_frame(uint64_t previous, int at)
{
	const struct tm_recorder_python *p = &table()->python;
	uint64_t frame = take(128), code = make_code("/a.py", "f", 1);

	PUT(uint64_t, frame + p->frame_previous, previous);
	PUT(uint64_t, frame + p->frame_code, code);
	if (p->instr == TM_PY_INSTR_INDEX)
		PUT(int32_t, frame + p->frame_instr, at);
	else
		PUT(uint64_t, frame + p->frame_instr, code + p->code_instrs + (uint64_t)at);
	return frame;
}

static const struct tm_recorder_stack *merged(const struct frame *caller)
{
	return stack_at(python_stack(TM_PY_OBJ, caller, thread_slot()));
}

/* A Python frame by where it is in its code, or a C function. */
static void assert_merged(const struct frame *caller, const uint64_t *wanted, uint32_t n)
{
	const struct tm_recorder_stack *stack = merged(caller);

	assert_int_equal(stack->n, n);
	for (uint32_t i = 0; i < n; i++)
		if (wanted[i] < IMAGE)
			assert_true(stack->pcs[i] & TM_PY_FRAME &&
				    tm_py_frame_at(stack->pcs[i]) == (int32_t)wanted[i]);
		else
			assert_int_equal(stack->pcs[i], wanted[i]);
}

#define ASSERT_MERGED(caller, ...) assert_merged(&(caller), (const uint64_t[]){ __VA_ARGS__ }, \
	sizeof((const uint64_t[]){ __VA_ARGS__ }) / 8)

/* ---- 3.12 on: frames of the interpreter's own --------------------------------------- */

/* C frames are short here: the owner stands earlier in the structure. */
static void begin_314(void)
{
	struct tm_recorder_python v = v314t;

	v.frame_tlbc = v.code_tlbc = NO;
	v.frame_owner = 16;
	v.merge = TM_PY_BY_ENTRY_FRAME;
	use(&v);
}

/* In C frame i. */
static uint64_t put_entry(uint64_t i, uint64_t previous)
{
	uint64_t at = in_frame(i);

	PUT(uint64_t, at + table()->python.frame_previous, previous);
	PUT(uint8_t, at + table()->python.frame_owner, 3);
	return at;
}

static void run_frame(uint64_t frame)
{
	PUT(uint64_t, state_word + table()->python.thread_frame, frame);
}

static void each_evaluator_stands_for_its_frames(void **state)
{
	struct frame caller;

	(void)state;
	begin_314();
	caller = STAND_IN(OUTSIDE + 1, IMAGE + 8, OUTSIDE + 2, OUTSIDE + 3, IMAGE + 16, OUTSIDE + 4);
	run_frame(make_frame(make_frame(put_entry(1, make_frame(put_entry(4, 0), 30)), 20), 10));
	ASSERT_MERGED(caller, OUTSIDE + 1, 10, 20, OUTSIDE + 2, OUTSIDE + 3, 30);
	assert_int_equal(merged(&caller)->more, TM_STACK_WHOLE);
	assert_int_equal(table()->unmerged, 0);
}

static void an_evaluator_without_frames_is_a_c_function(void **state)
{
	struct frame caller;

	(void)state;
	begin_314();
	caller = STAND_IN(IMAGE + 8, OUTSIDE + 2, IMAGE + 16);
	run_frame(put_entry(0, make_frame(put_entry(2, 0), 30)));
	ASSERT_MERGED(caller, IMAGE + 8, OUTSIDE + 2, 30);
}

static void what_does_not_fit_is_left_out_and_counted(void **state)
{
	struct frame caller;

	(void)state;
	begin_314();
	/* Two in one frame. */
	caller = STAND_IN(OUTSIDE + 1, IMAGE + 8, OUTSIDE + 2);
	PUT(uint64_t, in_frame(1) + 16 + 8, make_frame(0, 30));
	PUT(uint8_t, in_frame(1) + 16 + 16, 3);
	run_frame(make_frame(put_entry(1, make_frame(in_frame(1) + 16, 20)), 10));
	ASSERT_MERGED(caller, 10, 20, 30);
	assert_int_equal(table()->unmerged, 1);
	/* In a function that is not the interpreter's. */
	caller = STAND_IN(OUTSIDE + 1, OUTSIDE + 2, IMAGE + 8);
	run_frame(make_frame(put_entry(1, 0), 10));
	ASSERT_MERGED(caller, 10);
	assert_int_equal(table()->unmerged, 2);
	/* In none: it is on another stack. */
	caller = STAND_IN(OUTSIDE + 1, IMAGE + 8);
	run_frame(make_frame(make_frame(0, 20), 10));
	ASSERT_MERGED(caller, 10, 20);
	assert_int_equal(table()->unmerged, 3);
	/* The older one is met first. */
	caller = STAND_IN(OUTSIDE + 1, IMAGE + 8, OUTSIDE + 2, IMAGE + 16);
	run_frame(make_frame(put_entry(3, make_frame(put_entry(1, 0), 20)), 10));
	ASSERT_MERGED(caller, 10, 20);
	assert_int_equal(table()->unmerged, 4);
}

static void python_frames_come_where_c_frames_end_early(void **state)
{
	struct frame caller;

	(void)state;
	begin_314();
	caller = STAND_IN_CUT(OUTSIDE + 1, IMAGE + 8, OUTSIDE + 2, OUTSIDE + 3);
	run_frame(make_frame(put_entry(1, make_frame(put_entry(20, 0), 20)), 10));
	ASSERT_MERGED(caller, OUTSIDE + 1, 10, OUTSIDE + 2, 20);
	assert_int_equal(table()->unmerged, 0);
}

/* nframe counts those of Python. */
static void python_frames_are_limited(void **state)
{
	struct frame caller;

	(void)state;
	begin_314();
	table()->nframe = 2;
	caller = STAND_IN(OUTSIDE + 1, OUTSIDE + 2, OUTSIDE + 3, IMAGE + 8, OUTSIDE + 4, IMAGE + 16);
	run_frame(make_frame(make_frame(make_frame(put_entry(3, make_frame(put_entry(5, 0), 40)), 30), 20), 10));
	ASSERT_MERGED(caller, OUTSIDE + 1, OUTSIDE + 2, OUTSIDE + 3, 10, 20);
	assert_int_equal(merged(&caller)->more, TM_STACK_LIMITED);
}

static void python_frames_have_room(void **state)
{
	enum { MANY = 200 };
	uint64_t pcs[MANY];
	struct frame caller;

	(void)state;
	begin_314();
	for (uint64_t i = 0; i < MANY; i++)
		pcs[i] = OUTSIDE + i;
	pcs[150] = IMAGE + 8;
	caller = stand_in(pcs, MANY, false);
	run_frame(make_frame(make_frame(put_entry(150, 0), 20), 10));
	assert_int_equal(merged(&caller)->n, TM_RECORDER_MAX_FRAMES);
	assert_int_equal(merged(&caller)->pcs[125], OUTSIDE + 125);
	assert_int_equal(tm_py_frame_at(merged(&caller)->pcs[127]), 20);
	assert_int_equal(table()->unmerged, 0);
}

static void without_python_frames_those_of_c_stand_alone(void **state)
{
	struct frame caller;

	(void)state;
	begin_314();
	caller = STAND_IN(OUTSIDE + 1, OUTSIDE + 2);
	run_frame(0);
	ASSERT_MERGED(caller, OUTSIDE + 1, OUTSIDE + 2, BEGINNING);
}

/* One allocator that calls another does so through a hook. */
static void hooks_are_not_among_them(void **state)
{
	struct frame caller;
	struct tm_recorder_call *call;

	(void)state;
	begin_314();
	caller = STAND_IN(OUTSIDE + 1, OUTSIDE + 2, OUTSIDE + 3, OUTSIDE + 4, IMAGE + 8, OUTSIDE + 5);
	call = (struct tm_recorder_call *)(frame_pointer(0) + 16);
	*call = (struct tm_recorder_call){ .pc = OUTSIDE + 4, .fp = frame_pointer(3) };
	PUT(uint64_t, frame_pointer(0) + 8, (uint64_t)head() + head()->rest);
	run_frame(make_frame(put_entry(4, 0), 10));
	ASSERT_MERGED(caller, OUTSIDE + 1, OUTSIDE + 4, 10);
}

/* ---- 3.10 and 3.11: structures of their own -------------------------------------------- */

static void put_cframe(uint64_t i, uint64_t frame, uint64_t previous)
{
	const struct tm_recorder_python *p = &table()->python;

	if (p->cframe_frame != NO)
		PUT(uint64_t, in_frame(i) + p->cframe_frame, frame);
	PUT(uint64_t, in_frame(i) + p->cframe_previous, previous);
}

static void a_cframe_has_its_newest_frame(void **state)
{
	struct tm_recorder_python v = v311;
	uint64_t older, newer;
	struct frame caller;

	(void)state;
	v.merge = TM_PY_BY_CFRAME;
	v.thread_cframe = 56;
	v.cframe_previous = 16;
	use(&v);
	caller = STAND_IN(OUTSIDE + 1, IMAGE + 8, OUTSIDE + 2, IMAGE + 16, OUTSIDE + 3);
	older = make_frame(make_frame(0, 40), 30);
	newer = make_frame(make_frame(older, 20), 10);
	put_cframe(10, 0, 0);
	put_cframe(3, older, in_frame(10));
	put_cframe(1, newer, in_frame(3));
	PUT(uint64_t, state_word + 56, in_frame(1));
	ASSERT_MERGED(caller, OUTSIDE + 1, 10, 20, OUTSIDE + 2, 30, 40);
	/* It begins: its frame is its caller's still. */
	put_cframe(1, older, in_frame(3));
	ASSERT_MERGED(caller, OUTSIDE + 1, IMAGE + 8, OUTSIDE + 2, 30, 40);
	assert_int_equal(table()->unmerged, 0);
	/* One with frames that were not met: so it is not known whose these are. */
	put_cframe(10, make_frame(0, 50), 0);
	put_cframe(1, newer, in_frame(10));
	ASSERT_MERGED(caller, 10, 20, 30, 40);
	assert_int_equal(table()->unmerged, 1);
}

static void each_frame_has_a_cframe(void **state)
{
	struct tm_recorder_python v = v310;
	struct frame caller;

	(void)state;
	v.merge = TM_PY_BY_CFRAME_EACH;
	v.thread_cframe = 48;
	v.cframe_previous = 8;
	use(&v);
	caller = STAND_IN(OUTSIDE + 1, IMAGE + 8, OUTSIDE + 2, IMAGE + 16, IMAGE + 24, OUTSIDE + 3);
	run_frame(make_frame(make_frame(make_frame(0, 30), 20), 10));
	put_cframe(4, 0, 0);
	put_cframe(3, 0, in_frame(4));
	put_cframe(1, 0, in_frame(3));
	PUT(uint64_t, state_word + 48, in_frame(1));
	ASSERT_MERGED(caller, OUTSIDE + 1, 10, OUTSIDE + 2, 20, 30);
	/* One too few. */
	put_cframe(3, 0, 0);
	ASSERT_MERGED(caller, 10, 20, 30);
	assert_int_equal(table()->unmerged, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_evaluator_stands_for_its_frames),
		TEST(an_evaluator_without_frames_is_a_c_function),
		TEST(what_does_not_fit_is_left_out_and_counted),
		TEST(python_frames_come_where_c_frames_end_early),
		TEST(python_frames_are_limited),
		TEST(python_frames_have_room),
		TEST(without_python_frames_those_of_c_stand_alone),
		TEST(hooks_are_not_among_them),
		TEST(a_cframe_has_its_newest_frame),
		TEST(each_frame_has_a_cframe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
