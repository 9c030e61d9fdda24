/*
 * A program that has files of libraries mapped, as scanners, linkers and
 * debuggers have them, and beside them another C library in a namespace of its
 * own that is loaded indeed.
 *
 *	mapper FILE
 *
 * Says "ready". At each line on standard input it takes a block of 4711 bytes
 * from that other C library and prints a sum of all the bytes it has mapped.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum { WAYS = 3 };

static const unsigned char *maps[WAYS];
static size_t size;

static int map(const char *path)
{
	static const int prot[WAYS] = { PROT_READ, PROT_READ, PROT_READ | PROT_EXEC };
	static const int flags[WAYS] = { MAP_PRIVATE, MAP_SHARED, MAP_PRIVATE };
	int fd = open(path, O_RDONLY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		return 0;
	size = (size_t)st.st_size;
	for (int i = 0; i < WAYS; i++) {
		maps[i] = mmap(NULL, size, prot[i], flags[i], fd, 0);
		if (maps[i] == MAP_FAILED)
			return 0;
	}
	return 1;
}

static unsigned long sum(void)
{
	unsigned long s = 0;

	for (int i = 0; i < WAYS; i++)
		for (size_t k = 0; k < size; k++)
			s = s * 31 + maps[i][k];
	return s;
}

int main(int argc, char **argv)
{
	void *other = dlmopen(LM_ID_NEWLM, "libc.so.6", RTLD_NOW);
	void *(*other_malloc)(size_t) = other ? (void *(*)(size_t))dlsym(other, "malloc") : NULL;
	char line[64];

	if (argc != 2 || !other_malloc || !map(argv[1]))
		return 2;
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		if (!other_malloc(4711))
			return 3;
		printf("%lx\n", sum());
		fflush(stdout);
	}
	return 0;
}
