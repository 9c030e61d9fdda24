/*
 * What Python cannot do by itself in the targets of the test `control`:
 * compute in C, hammer the allocator, count signals. The flag lives in a file
 * that the test maps.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

unsigned long spin(volatile char *flag, volatile char *entered);
int hammer_start(int n, char *flag);
int hammer_left(void);
unsigned long hammer_main(char *flag, volatile char *entered);
int wait_epoll(int fd, volatile char *entered);
int wait_poll(int fd, int ms, volatile char *entered);
void count_signals(int sig, long *counter);
int wait_in_handler(volatile char *entered);
int wait_in(const char *name, const char *path, volatile char *entered);

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

/* One that the kernel goes on with by restart_syscall(): 0 when the descriptor
 * became readable or the time is over, else errno. */
int wait_poll(int fd, int ms, volatile char *entered)
{
	struct pollfd wanted = { .fd = fd, .events = POLLIN };

	*entered = 1;
	return poll(&wanted, fd >= 0, ms) < 0 ? errno : 0;
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

/* ---- calls that wait until a signal ends them ------------------------------------ */

static void ignore(int sig)
{
	(void)sig;
}

/* A pipe that takes nothing more: its writing end. */
static int full_pipe(void)
{
	static const char bytes[4096];
	int ends[2];

	if (pipe2(ends, O_NONBLOCK) != 0)
		return -1;
	while (write(ends[1], bytes, sizeof(bytes)) > 0)
		;
	fcntl(ends[1], F_SETFL, 0);
	return ends[1];
}

static int empty_pipe(void)
{
	int ends[2];

	return pipe(ends) == 0 ? ends[0] : -1;
}

/* Somebody else has it: a child that lives as long as we do. */
static int locked_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct flock whole = { .l_type = F_WRLCK };
	int said[2];
	char byte;

	if (pipe(said) != 0)
		return -1;
	if (fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fcntl(fd, F_SETLK, &whole);
		byte = 0;
		while (write(said[1], &byte, 1) == 1)
			pause();
		_exit(1);
	}
	return read(said[0], &byte, 1) == 1 ? fd : -1;
}

static long wait_for_lock(const char *path)
{
	struct flock whole = { .l_type = F_WRLCK };

	return fcntl(locked_file(path), F_SETLKW, &whole);
}

static long wait_for_writer(const char *path)
{
	return mkfifo(path, 0600) == 0 ? open(path, O_RDONLY) : -1;
}

static long wait_full(void)
{
	return write(full_pipe(), "x", 1);
}

static long wait_splice(void)
{
	return splice(empty_pipe(), NULL, full_pipe(), NULL, 4096, 0);
}

static long wait_signal(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	return sigwaitinfo(&set, NULL);
}

static long wait_message(void)
{
	struct { long type; char byte; } message;
	int queue = msgget(IPC_PRIVATE, 0600);
	long got = msgrcv(queue, &message, 1, 0, 0);
	int error = errno;

	msgctl(queue, IPC_RMID, NULL);
	errno = error;
	return got;
}

/* A futex of the program's own, as other languages have their locks. */
static long wait_futex(void)
{
	static int word;
	struct timespec time = { .tv_sec = 100000 };

	return syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &time);
}

static long wait_futexes(void)
{
	static int word;
	struct futex_waitv waiter = { .uaddr = (unsigned long)&word, .flags = FUTEX_32 };

	return syscall(SYS_futex_waitv, &waiter, 1, 0, NULL, 0);
}

int wait_in(const char *name, const char *path, volatile char *entered)
{
	struct sigaction action = { .sa_handler = ignore };
	long got = -1;

	sigaction(SIGUSR2, &action, NULL);
	*entered = 1;
	errno = 0;
	if (strcmp(name, "fcntl") == 0)
		got = wait_for_lock(path);
	else if (strcmp(name, "fifo") == 0)
		got = wait_for_writer(path);
	else if (strcmp(name, "write") == 0)
		got = wait_full();
	else if (strcmp(name, "splice") == 0)
		got = wait_splice();
	else if (strcmp(name, "sigwait") == 0)
		got = wait_signal();
	else if (strcmp(name, "msgrcv") == 0)
		got = wait_message();
	else if (strcmp(name, "futex") == 0)
		got = wait_futex();
	else if (strcmp(name, "futex_waitv") == 0)
		got = wait_futexes();
	return got == -1 ? errno : 0;
}
