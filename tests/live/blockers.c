/*
 * Threads that sit in the system calls which a stop interrupts with EINTR if
 * it is done carelessly (signal(7): they are never restarted). Each blocks
 * once, is woken on purpose at the end, and tells if anything else ended its
 * call before.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int blockers_start(void);
int blockers_stop(void);
int blockers_vfork(int ms);

struct blocker {
	const char *name;
	int (*open)(void);               /* 0, or -1 */
	int (*block)(void);              /* 0 when woken as planned, else errno */
	void (*wake)(struct blocker *b);
	pthread_t thread;
	int result;
};

static int event = -1, epoll = -1, sockets[2], semaphore = -1, queue = -1;
static const struct timeval long_time = { .tv_sec = 3600 };

static void wake_event(struct blocker *b)
{
	(void)b;
	if (eventfd_write(event, 1))
		perror("eventfd_write");
}

static int open_epoll(void)
{
	struct epoll_event ev = { .events = EPOLLIN };

	event = eventfd(0, EFD_CLOEXEC);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	return event < 0 || epoll < 0 ? -1 : epoll_ctl(epoll, EPOLL_CTL_ADD, event, &ev);
}

static int block_epoll(void)
{
	struct epoll_event ev;
	int n = epoll_wait(epoll, &ev, 1, 3600 * 1000);

	return n == 1 ? 0 : n < 0 ? errno : ETIMEDOUT;
}

static int block_poll(void)
{
	struct pollfd p = { .fd = event, .events = POLLIN };
	int n = poll(&p, 1, 3600 * 1000);

	return n == 1 ? 0 : n < 0 ? errno : ETIMEDOUT;
}

static int open_sockets(void)
{
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sockets))
		return -1;
	return setsockopt(sockets[0], SOL_SOCKET, SO_RCVTIMEO, &long_time,
			  sizeof(long_time));
}

static int block_recv(void)
{
	char c;

	return recv(sockets[0], &c, 1, 0) == 1 ? 0 : errno;
}

static void wake_recv(struct blocker *b)
{
	(void)b;
	if (send(sockets[1], "x", 1, 0) != 1)
		perror("send");
}

static int open_semaphore(void)
{
	semaphore = semget(IPC_PRIVATE, 1, 0600);
	return semaphore < 0 ? -1 : 0;
}

static int block_semaphore(void)
{
	struct sembuf down = { .sem_op = -1 };

	return semop(semaphore, &down, 1) ? errno : 0;
}

static void wake_semaphore(struct blocker *b)
{
	struct sembuf up = { .sem_op = 1 };

	if (semop(semaphore, &up, 1))
		perror("semop");
	pthread_join(b->thread, NULL);
	semctl(semaphore, 0, IPC_RMID);
}

static int open_queue(void)
{
	queue = msgget(IPC_PRIVATE, 0600);
	return queue < 0 ? -1 : 0;
}

static int block_queue(void)
{
	struct { long type; char text[8]; } m;

	return msgrcv(queue, &m, sizeof(m.text), 0, 0) < 0 ? errno : 0;
}

static void wake_queue(struct blocker *b)
{
	struct { long type; char text[8]; } m = { .type = 1 };

	if (msgsnd(queue, &m, 1, 0))
		perror("msgsnd");
	pthread_join(b->thread, NULL);
	msgctl(queue, IPC_RMID, NULL);
}

static int block_signal(void)
{
	const struct timespec limit = { .tv_sec = 3600 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 5);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	return sigtimedwait(&set, NULL, &limit) == SIGRTMIN + 5 ? 0 : errno;
}

static void wake_signal(struct blocker *b)
{
	pthread_kill(b->thread, SIGRTMIN + 5);
}

static struct blocker blockers[] = {
	{ "epoll_wait", open_epoll, block_epoll, wake_event, 0, 0 },
	{ "poll", NULL, block_poll, wake_event, 0, 0 },
	{ "recv", open_sockets, block_recv, wake_recv, 0, 0 },
	{ "semop", open_semaphore, block_semaphore, wake_semaphore, 0, 0 },
	{ "msgrcv", open_queue, block_queue, wake_queue, 0, 0 },
	{ "sigtimedwait", NULL, block_signal, wake_signal, 0, 0 },
};
enum { NBLOCKERS = sizeof(blockers) / sizeof(blockers[0]) };

static void *run(void *arg)
{
	struct blocker *b = arg;

	b->result = b->block();
	return NULL;
}

/* The signal is blocked before the threads start, so that they inherit it:
 * one sent before its thread waits stays pending. */
int blockers_start(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 5);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	for (int i = 0; i < NBLOCKERS; i++) {
		struct blocker *b = &blockers[i];

		if (b->open && b->open())
			return -1;
		if (pthread_create(&b->thread, NULL, run, b))
			return -1;
	}
	return 0;
}

/* Sleep in the kernel, not to be interrupted, until a child has ended. */
int blockers_vfork(int ms)
{
	pid_t child = vfork();
	int status;

	if (child == 0) {
		poll(NULL, 0, ms);
		_exit(0);
	}
	return waitpid(child, &status, 0) == child ? status : -1;
}

/* Wake all; how many had been ended by something else. */
int blockers_stop(void)
{
	int disturbed = 0;

	for (int i = 0; i < NBLOCKERS; i++) {
		struct blocker *b = &blockers[i];

		b->wake(b);
		if (b->wake != wake_semaphore && b->wake != wake_queue)
			pthread_join(b->thread, NULL);
		if (b->result) {
			disturbed++;
			fprintf(stderr, "%s ended early: %s\n", b->name,
				strerror(b->result));
		}
	}
	return disturbed;
}
