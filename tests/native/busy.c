/* Threads that never stand still: allocator, loader, signal handlers. */
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile unsigned handled;

static void handler(int sig)
{
	char text[64];

	snprintf(text, sizeof(text), "%d", sig);
	handled += (unsigned)strlen(text);
}

static void *storm(void *arg)
{
	void *blocks[64] = { 0 };
	unsigned seed = (unsigned)(size_t)arg;

	for (;;) {
		unsigned i = (seed = seed * 1103515245 + 12345) >> 16 & 63;

		free(blocks[i]);
		blocks[i] = malloc((seed >> 8 & 0xfff) + 1);
		if ((seed & 0xff00) == 0)
			raise(SIGUSR1);
#ifdef WITH_DLOPEN
		if ((seed & 0x3ff00) == 0) {
			void *lib = dlopen("libm.so.6", RTLD_NOW);

			if (lib)
				dlclose(lib);
		}
#endif
	}
	return NULL;
}

int main(void)
{
	pthread_t thread;

	signal(SIGUSR1, handler);
	for (size_t i = 0; i < 3; i++)
		pthread_create(&thread, NULL, storm, (void *)i);
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}
