/*
 * Code that the program generates itself and names for perf: main -> [generated]
 * -> grab -> malloc.
 *
 *	jit
 *
 * Says "ready"; each line on standard input is so many blocks of 1000 bytes. A second
 * word is the name that the code has from then on.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static __attribute__((noinline, noclone)) void *grab(size_t size)
{
	void *p = malloc(size);

	__asm__ volatile("" : : "r"(p) : "memory");
	return p;
}

/* push %rbp; mov %rsp, %rbp; mov $grab, %rax; call *%rax; pop %rbp; ret */
static void *generate(void)
{
	static const uint8_t head[] = { 0x55, 0x48, 0x89, 0xe5, 0x48, 0xb8 };
	static const uint8_t tail[] = { 0xff, 0xd0, 0x5d, 0xc3 };
	void *(*to)(size_t) = grab;
	uint8_t *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memcpy(code, head, sizeof(head));
	memcpy(code + sizeof(head), &to, sizeof(to));
	memcpy(code + sizeof(head) + sizeof(to), tail, sizeof(tail));
	return code;
}

int main(void)
{
	void *code = generate();
	void *(*call)(size_t) = (void *(*)(size_t))code;
	char line[128], name[64], path[64];
	FILE *map;

	snprintf(path, sizeof(path), "/tmp/perf-%d.map", (int)getpid());
	map = fopen(path, "w");
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		long n = 0;

		if (sscanf(line, "%ld %63s", &n, name) == 2) {
			fprintf(map, "%lx 1000 %s\n", (unsigned long)code, name);
			fflush(map);
		}
		for (; n > 0; n--)
			call(1000);
		puts("done");
		fflush(stdout);
	}
	fclose(map);
	unlink(path);
	return 0;
}
