/*
 * What the live tests' targets need from C: an instant that can be compared,
 * and allocations that Python code cannot make. Loaded into the target with
 * ctypes.PyDLL, so everything runs with the GIL held. Python's headers are
 * not used: one build serves every version.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct _object PyObject;

PyObject *PyObject_CallFunctionObjArgs(PyObject *callable, ...);
PyObject *PyTuple_GetItem(PyObject *tuple, ptrdiff_t i);
void Py_IncRef(PyObject *o);
int PyTraceMalloc_Track(unsigned domain, uintptr_t ptr, size_t size);

enum { WITNESSES_MAX = 8 };

static int witness = -1;

int freeze_witness(void);
PyObject *freeze_moment(PyObject *calls, int n, int say_fd, int wait_fd);
int freeze_track_frameless(unsigned domain, uintptr_t ptr, size_t size);
void freeze_heap(int threads, int blocks, int say_fd);

/* In a child of freeze_moment(): which call it made. -1 in the target. */
int freeze_witness(void)
{
	return witness;
}

static void write_all(int fd, const char *s, size_t n)
{
	while (n) {
		ssize_t done = write(fd, s, n);

		if (done < 0 && errno != EINTR)
			_exit(71);
		if (done > 0)
			s += done, n -= (size_t)done;
	}
}

/* Blocks in read(2), restarting nothing: an EINTR here is a failure that the
 * test wants to see, because attaching must not cause one. */
static void wait_for_release(int fd)
{
	char c;

	if (read(fd, &c, 1) != 1)
		_exit(72);
}

/*
 * Freeze the trace table. The calling thread forks one witness per callable
 * of `calls` (a tuple) and then blocks in read(2). Nothing between the first
 * fork and the end of the read touches Python's allocator in this process,
 * and the GIL is held, so its table stands still; each witness starts from a
 * copy of that very table and makes its one call before anything else.
 *
 * Returns the result of its call in a witness, `calls` in the target, after
 * every witness ended well.
 */
PyObject *freeze_moment(PyObject *calls, int n, int say_fd, int wait_fd)
{
	pid_t pids[WITNESSES_MAX];

	if (n > WITNESSES_MAX)
		_exit(73);
	for (int i = 0; i < n; i++) {
		pids[i] = fork();
		if (pids[i] < 0)
			_exit(74);
		if (pids[i] == 0) {
			witness = i;
			return PyObject_CallFunctionObjArgs(
				PyTuple_GetItem(calls, i), NULL);
		}
	}
	write_all(say_fd, "frozen\n", 7);
	wait_for_release(wait_fd);
	for (int i = 0; i < n; i++) {
		int status;

		if (waitpid(pids[i], &status, 0) != pids[i] || status)
			_exit(75);
	}
	Py_IncRef(calls);
	return calls;
}

struct track {
	unsigned domain;
	uintptr_t ptr;
	size_t size;
	int result;
};

static void *track_thread(void *arg)
{
	struct track *t = arg;

	t->result = PyTraceMalloc_Track(t->domain, t->ptr, t->size);
	return NULL;
}

/*
 * Track a block from a thread that has no Python frame: CPython files it
 * under "<unknown>". Call it with the GIL released (ctypes.CDLL): up to 3.14
 * PyTraceMalloc_Track() takes it.
 */
int freeze_track_frameless(unsigned domain, uintptr_t ptr, size_t size)
{
	struct track t = { .domain = domain, .ptr = ptr, .size = size };
	pthread_t thread;

	if (pthread_create(&thread, NULL, track_thread, &t))
		return -3;
	pthread_join(thread, NULL);
	return t.result;
}

enum { HEAP_BLOCKS_MAX = 100000, HEAP_THREADS_MAX = 64 };

struct heap_work {
	pthread_barrier_t *done;
	int blocks;
};

/* Blocks of many sizes, most of them freed again in another order. */
static void *heap_thread(void *arg)
{
	const struct heap_work *work = arg;
	static _Thread_local void *kept[HEAP_BLOCKS_MAX];

	for (int i = 0; i < work->blocks; i++)
		kept[i] = malloc(i % 16 ? (size_t)(i * 37 % 3000) + 1
					: (size_t)(i % 5 * 100000) + 1);
	for (int step = 3; step < 7; step += 2)
		for (int i = 0; i < work->blocks; i += step) {
			free(kept[i]);
			kept[i] = NULL;
		}
	pthread_barrier_wait(work->done);
	for (;;)
		pause();
	return NULL;
}

/*
 * Fill arenas of malloc from several threads, tell what mallinfo2() says of
 * them ("size used free"), and never return: nothing changes any more.
 */
void freeze_heap(int threads, int blocks, int say_fd)
{
	pthread_barrier_t done;
	struct heap_work work = { &done, blocks };
	struct mallinfo2 info;
	pthread_t thread;
	char line[100];
	int n;

	if (threads > HEAP_THREADS_MAX || blocks > HEAP_BLOCKS_MAX)
		_exit(76);
	pthread_barrier_init(&done, NULL, (unsigned)threads + 1);
	for (int i = 0; i < threads; i++)
		if (pthread_create(&thread, NULL, heap_thread, &work))
			_exit(77);
	pthread_barrier_wait(&done);
	info = mallinfo2();
	n = snprintf(line, sizeof(line), "%zu %zu %zu\n", info.arena + info.hblkhd,
		     info.uordblks + info.hblkhd, info.fordblks);
	write_all(say_fd, line, (size_t)n);
	for (;;)
		pause();
}
