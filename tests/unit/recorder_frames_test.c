/* Python frames as the recorder finds them. */
#include <pthread.h>

#include "recorder_python.h"

/* `at`: f_lasti, or bytes into the code. */
static void go_on(uint64_t frame, uint64_t code, int at)
{
	const struct tm_recorder_python *p = &table()->python;

	PUT(uint64_t, frame + p->frame_code, p->foreign_owner ? code | 1 : code);
	if (p->instr == TM_PY_INSTR_INDEX)
		PUT(int32_t, frame + p->frame_instr, at);
	else
		PUT(uint64_t, frame + p->frame_instr,
		    code + p->code_instrs + (uint64_t)(int64_t)at);
}

static uint64_t make_frame(uint64_t previous, uint64_t code, int at)
{
	uint64_t frame = take(128);

	PUT(uint64_t, frame + table()->python.frame_previous, previous);
	go_on(frame, code, at);
	return frame;
}

static void own(uint64_t frame, unsigned owner)
{
	PUT(uint8_t, frame + table()->python.frame_owner, owner);
}

static void run_frame(uint64_t frame)
{
	const struct tm_recorder_python *p = &table()->python;
	uint64_t at = frame;

	if (p->cframe_frame != NO) {
		at = take(64);
		PUT(uint64_t, at + p->cframe_frame, frame);
	}
	PUT(uint64_t, state_word + p->thread_frame, at);
}

static const struct tm_recorder_stack *seen(void)
{
	return stack_at(python_stack(TM_PY_OBJ, NULL, thread_slot()));
}

static void assert_frame(uint64_t word, const char *filename, const char *name, int line,
			 int at)
{
	const struct tm_recorder_py_code *code = code_of(word);

	assert_text(code->filename, filename);
	assert_text(code->name, name);
	assert_text(code->lines, name);
	assert_int_equal(code->first_line, line);
	assert_int_equal(tm_py_frame_at(word), at);
}

static void two_frames(const struct tm_recorder_python *version)
{
	const struct tm_recorder_stack *stack;
	uint64_t frame;

	use(version);
	frame = make_frame(0, make_code("/srv/main.py", "<module>", 1), 40);
	run_frame(make_frame(frame, make_code("/srv/app.py", "App.run", 17), 8));
	stack = seen();
	assert_int_equal(stack->n, 2);
	assert_int_equal(stack->more, 0);
	assert_frame(stack->pcs[0], "/srv/app.py", "App.run", 17, 8);
	assert_frame(stack->pcs[1], "/srv/main.py", "<module>", 1, 40);
}

static void frames_are_found_in_each_layout(void **state)
{
	(void)state;
	two_frames(&v310);
	two_frames(&v311);
	two_frames(&v314t);
}

static void what_tracemalloc_does_not_count_is_left_out(void **state)
{
	uint64_t code, frame, generator, shim;

	(void)state;
	use(&v314t);
	code = make_code("/a.py", "f", 1);
	/* One of the interpreter's own, and one of what is no code object. */
	shim = make_frame(0, code, 20);
	own(shim, 3);
	frame = make_frame(make_frame(shim, code, 20), take(512), 20);
	/* Before the first traceable instruction, unless it is a generator's. */
	frame = make_frame(frame, code, 2);
	generator = make_frame(frame, code, -2);
	own(generator, TM_PY_OWNED_BY_GENERATOR);
	run_frame(generator);
	assert_int_equal(seen()->n, 2);
	assert_int_equal(tm_py_frame_at(seen()->pcs[0]), -2);
	assert_int_equal(tm_py_frame_at(seen()->pcs[1]), 20);
	assert_int_equal(seen()->more, 0);
}

static void copies_of_code_have_their_own_beginning(void **state)
{
	uint64_t code, frame, entries[3] = { 2, 0, 0x70000 };

	(void)state;
	use(&v314t);
	code = make_code("/a.py", "f", 1);
	PUT(uint64_t, code + v314t.code_tlbc, entries);
	frame = make_frame(0, code, 0);
	PUT(uint64_t, frame + v314t.frame_instr, 0x70000 + 12);
	PUT(uint32_t, frame + v314t.frame_tlbc, 1);
	run_frame(frame);
	assert_int_equal(tm_py_frame_at(seen()->pcs[0]), 12);
}

static uint64_t deep(unsigned n)
{
	uint64_t code = make_code("/a.py", "deep", 1), frame = 0;

	for (unsigned i = 0; i < n; i++)
		frame = make_frame(frame, code, 16);
	return frame;
}

static void walks_are_bounded(void **state)
{
	uint64_t frame;

	(void)state;
	use(&v311);
	run_frame(deep(10));
	assert_int_equal(seen()->n, 10);
	assert_int_equal(seen()->more, 0);
	run_frame(deep(11));
	assert_int_equal(seen()->n, 10);
	assert_int_equal(seen()->more, 1);
	table()->nframe = 1000;
	run_frame(deep(200));
	assert_int_equal(seen()->n, TM_RECORDER_MAX_FRAMES);
	/* A chain that leads nowhere, and one that leads round. */
	frame = deep(2);
	PUT(uint64_t, frame + v311.frame_previous, frame + 1);
	run_frame(frame);
	assert_int_equal(seen()->n, 1);
	assert_int_equal(seen()->more, 1);
	PUT(uint64_t, frame + v311.frame_previous, frame);
	PUT(uint64_t, frame + v311.frame_code, take(512));
	run_frame(frame);
	assert_int_equal(seen()->n, 0);
	assert_int_equal(seen()->more, 1);
}

static void only_the_threads_own_state_is_read(void **state)
{
	struct tm_recorder_python *p = &table()->python;
	uint64_t at;

	(void)state;
	at = use(&v311);
	/* A new thread's, which has no _PyCFrame yet. */
	assert_int_equal(seen()->n, 0);
	run_frame(deep(1));
	assert_int_equal(seen()->n, 1);
	/* Not by raw, where the word may be another thread's. */
	assert_int_equal(stack_at(python_stack(TM_PY_RAW, NULL, thread_slot()))->n, 0);
	p->known = (struct tm_recorder_py_access){
		.kind = TM_PY_OF_THREAD, .at = (uint64_t)&state_word - cpu_thread_pointer(),
	};
	assert_int_equal(stack_at(python_stack(TM_PY_RAW, NULL, thread_slot()))->n, 1);
	PUT(uint64_t, at + p->thread_id, cpu_thread_pointer() + 64);
	assert_int_equal(seen()->n, 0);
	assert_int_equal(stack_at(python_stack(TM_PY_RAW, NULL, thread_slot()))->n, 0);
	p->attached.kind = p->known.kind = TM_PY_NOWHERE;
	assert_int_equal(seen()->n, 0);
}

/* In the memo of the last walk, too: the same frame at the same instruction of a
 * code object that took the place of another. */
static void code_that_took_its_place_is_told_apart(void **state)
{
	const struct tm_recorder_stack *first, *second;
	uint64_t code, frame;

	(void)state;
	use(&v311);
	code = make_code("/a.py", "first", 1);
	frame = make_frame(0, code, 16);
	run_frame(frame);
	first = seen();
	assert_ptr_equal(seen(), first);
	code_ends(code);
	fill_code(code, "/a.py", "other", 1, "other");
	second = seen();
	assert_ptr_not_equal(second, first);
	assert_frame(second->pcs[0], "/a.py", "other", 1, 16);
	/* What goes on in the same frame is another stack. */
	PUT(uint64_t, frame + v311.frame_instr, code + v311.code_instrs + 20);
	assert_frame(seen()->pcs[0], "/a.py", "other", 1, 20);
	/* What is no code object ends none. */
	code_ends(frame);
	assert_int_equal(table()->code_ends, 1);
}

/* Frames come, go and go on, some of them the interpreter's own, some before their
 * function has begun; with a memo and without it is the same stack. */
static void memo_says_what_a_walk_says(const struct tm_recorder_python *version)
{
	enum { DEPTH = 14, CODES = 3, FOREIGN = 5 };
	uint64_t frames[DEPTH], codes[CODES];
	uint32_t seed = 5;

	use(version);
	table()->nframe = 6;
	for (int i = 0; i < CODES; i++) {
		codes[i] = make_code("/a.py", "f", i + 1);
		if (version->code_firsttraceable != NO)
			PUT(int32_t, codes[i] + version->code_firsttraceable, 1);
	}
	for (int i = 0; i < DEPTH; i++) {
		frames[i] = make_frame(i ? frames[i - 1] : 0, codes[i % CODES], 16);
		if (version->foreign_owner && i % FOREIGN == 1)
			own(frames[i], version->foreign_owner);
	}
	run_frame(frames[0]);
	for (int round = 0; round < 20000; round++) {
		const struct tm_recorder_stack *by_memo;
		uint32_t i;

		seed = seed * 1664525u + 1013904223u;
		i = (seed >> 8) % DEPTH;
		if (!version->foreign_owner || i % FOREIGN != 1)
			go_on(frames[i], codes[(seed >> 12) % CODES], (seed >> 16) % 4 * 2);
		if (seed >> 20 & 1)
			run_frame(frames[(seed >> 21) % DEPTH]);
		if (i && seed >> 25 & 1)
			PUT(uint64_t, frames[i] + version->frame_previous,
			    seed >> 26 & 7 ? frames[(seed >> 26) % i] : 0);
		table()->sample_bytes = 0;
		by_memo = seen();
		assert_ptr_equal(seen(), by_memo);
		table()->sample_bytes = 4096;
		assert_ptr_equal(seen(), by_memo);
	}
}

static void a_memo_says_what_a_walk_says(void **state)
{
	(void)state;
	memo_says_what_a_walk_says(&v310);
	memo_says_what_a_walk_says(&v311);
	memo_says_what_a_walk_says(&v314t);
}

/* Without a memo, which a signal handler finds in use. */
static void a_memo_in_use_is_left_alone(void **state)
{
	struct tm_recorder_memo *memo;
	const struct tm_recorder_stack *stack;

	(void)state;
	use(&v310);
	run_frame(deep(3));
	stack = seen();
	memo = py_memo_take(thread_slot());
	assert_non_null(memo);
	assert_null(py_memo_take(thread_slot()));
	memo->python.stack = 1;
	assert_ptr_equal(seen(), stack);
	py_memo_put(memo);
	memo->python.stack = 0;
	assert_ptr_equal(seen(), stack);
	assert_ptr_equal(stack_at(memo->python.stack), stack);
	table()->sample_bytes = 1;
	assert_null(py_memo_take(thread_slot()));
}

static __thread uint64_t own_word;

static void *in_thread(void *module)
{
	struct tm_recorder_py_access access = { TM_PY_TLS_BLOCK, *(uint32_t *)module, 0 };

	own_word = 77;
	access.at = (uint64_t)&own_word - cpu_tls_block(access.module);
	return (void *)(access_read(&access) - 77);
}

/* glibc has something else there: nobody looks meanwhile. */
static void words_of_musl_are_found(void **state)
{
	static const uint64_t block[] = { 70, 71, 72 };
	const uint64_t vector[] = { 2, 0, (uint64_t)block };
	const struct tm_recorder_py_access pointed = { TM_PY_POINTED, 8, 16 },
					   local = { TM_PY_TLS_MUSL, 2, 8 },
					   none = { TM_PY_TLS_MUSL, 3, 8 };
	uint64_t *word = (uint64_t *)(cpu_thread_pointer() + 8), own = *word, found[4];

	(void)state;
	*word = (uint64_t)vector;
	found[0] = access_read(&pointed);
	found[1] = access_read(&local);
	found[2] = access_read(&none);
	*word = 0;
	found[3] = access_read(&pointed);
	*word = own;
	assert_int_equal(found[0], (uint64_t)block);
	assert_int_equal(found[1], 71);
	assert_int_equal(found[2], 0);
	assert_int_equal(found[3], 0);
}

/* The program's own block is module 1; a number that nobody has is none. */
static void blocks_of_other_modules_are_found(void **state)
{
	uint32_t module = 1;
	pthread_t thread;
	void *off = &module;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, in_thread, &module), 0);
	pthread_join(thread, &off);
	assert_null(off);
	assert_true(cpu_tls_block(1) && (uint64_t)&own_word - cpu_tls_block(1) < 1 << 20);
	assert_int_equal(cpu_tls_block(1 << 20), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(frames_are_found_in_each_layout),
		TEST(what_tracemalloc_does_not_count_is_left_out),
		TEST(copies_of_code_have_their_own_beginning),
		TEST(walks_are_bounded),
		TEST(only_the_threads_own_state_is_read),
		TEST(code_that_took_its_place_is_told_apart),
		TEST(a_memo_says_what_a_walk_says),
		TEST(a_memo_in_use_is_left_alone),
		TEST(blocks_of_other_modules_are_found),
		TEST(words_of_musl_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
