/* One thread that is interrupted by a signal again and again, without any code
 * of a library's in between: for a look at every instruction of the way into a
 * handler and back. */
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

static volatile int handled;

static void handler(int sig)
{
	handled += sig;
}

static inline __attribute__((always_inline)) long call(long nr, long a, long b, long c)
{
	long result;

	__asm__ volatile("syscall" : "=a"(result) : "0"(nr), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return result;
}

int main(void)
{
	long pid = getpid();

	signal(SIGUSR1, handler);
	call(SYS_write, 1, (long)"ready\n", 6);
	for (;;)
		call(SYS_tgkill, pid, pid, SIGUSR1);
}
