/*
 * What Python cannot do by itself in the targets of the test `control`:
 * compute in C, hammer the allocator, count signals. The flag lives in a file
 * that the test maps.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

unsigned long spin(volatile char *flag, volatile char *entered);
int hammer_start(int n, char *flag);
int hammer_left(void);
unsigned long hammer_main(char *flag, volatile char *entered);
int wait_epoll(int fd, volatile char *entered);
void count_signals(int sig, long *counter);
int wait_in_handler(volatile char *entered);

/* Pure computing until *flag; *entered says that it has begun. */
unsigned long spin(volatile char *flag, volatile char *entered)
{
	unsigned long n = 0;

	*entered = 1;
	while (!*flag)
		n = n * 6364136223846793005ul + 1;
	return n | 1;
}

static int hammering; /* threads */

static void *hammer(void *arg)
{
	volatile char *flag = arg;
	unsigned seed = (unsigned)(size_t)&seed;
	void *blocks[64] = { 0 };

	while (!*flag) {
		unsigned i = (seed = seed * 1103515245u + 12345u) >> 8;
		unsigned long size = 1 + (i >> 6) % 5000;

		if (i % 3 == 0) {
			blocks[i % 64] = realloc(blocks[i % 64], size);
		} else {
			free(blocks[i % 64]);
			blocks[i % 64] = malloc(size);
		}
		if (blocks[i % 64])
			memset(blocks[i % 64], 1, size < 64 ? size : 64);
	}
	for (size_t i = 0; i < 64; i++)
		free(blocks[i]);
	return NULL;
}

static void *hammer_thread(void *arg)
{
	hammer(arg);
	__atomic_sub_fetch(&hammering, 1, __ATOMIC_RELEASE);
	return NULL;
}

int hammer_left(void)
{
	return __atomic_load_n(&hammering, __ATOMIC_ACQUIRE);
}

/* Signals are for the main thread. */
int hammer_start(int n, char *flag)
{
	sigset_t all, before;
	int failed = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (int i = 0; i < n && !failed; i++) {
		pthread_t thread;

		__atomic_add_fetch(&hammering, 1, __ATOMIC_RELEASE);
		failed = pthread_create(&thread, NULL, hammer_thread, flag) ||
			 pthread_detach(thread);
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return failed;
}

/* The main thread itself does nothing but allocate. */
unsigned long hammer_main(char *flag, volatile char *entered)
{
	*entered = 1;
	hammer(flag);
	return 1;
}

static long *signals_seen; /* in the file that the test maps */

/* A call that any ptrace stop makes fail with EINTR unless that is undone;
 * 0 when the descriptor became readable, else errno. */
int wait_epoll(int fd, volatile char *entered)
{
	struct epoll_event event = { .events = EPOLLIN };
	int epoll = epoll_create1(EPOLL_CLOEXEC), got;
	long seen;

	epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
	*entered = 1;
	do { /* a handled signal is a good reason */
		seen = signals_seen ? *(volatile long *)signals_seen : 0;
		got = epoll_wait(epoll, &event, 1, -1);
	} while (got < 0 && errno == EINTR && signals_seen &&
		 seen != *(volatile long *)signals_seen);
	got = got == 1 ? 0 : errno;
	close(epoll);
	return got;
}

static void count(int sig)
{
	(void)sig;
	__atomic_add_fetch(signals_seen, 1, __ATOMIC_RELAXED);
}

void count_signals(int sig, long *counter)
{
	struct sigaction action = { .sa_handler = count, .sa_flags = SA_RESTART };

	signals_seen = counter;
	sigaction(sig, &action, NULL);
}

static volatile char *handler_entered;

/* Whatever the signal interrupted, the allocator for one, stays so. */
static void block(int sig)
{
	char byte;

	(void)sig;
	*handler_entered = 1;
	if (read(0, &byte, 1) != 1)
		abort();
}

int wait_in_handler(volatile char *entered)
{
	struct sigaction action = { .sa_handler = block };

	handler_entered = entered;
	sigaction(SIGUSR2, &action, NULL);
	return raise(SIGUSR2);
}
