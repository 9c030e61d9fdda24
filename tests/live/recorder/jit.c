/*
 * Code that the program generates itself and names for perf: main -> [generated]
 * -> grab -> malloc.
 *
 *	jit [dump]
 *
 * Says "ready"; each line on standard input is so many blocks of 1000 bytes. A second
 * word is the name that the code has from then on; with "dump", as jit-PID.dump in the
 * working directory tells it, a third one since when.
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

struct names {
	char path[128];
	FILE *file;
	int dump;
};

/* perf learns of the file by the mapping. */
static void begin(struct names *names)
{
	const uint32_t header[10] = { 0x4a695444, 1, 40, 62, 0, (uint32_t)getpid() };

	snprintf(names->path, sizeof(names->path), names->dump ? "jit-%d.dump" : "/tmp/perf-%d.map",
		 (int)getpid());
	names->file = fopen(names->path, "w+");
	if (names->dump) {
		fwrite(header, sizeof(header), 1, names->file);
		mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fileno(names->file), 0);
	}
}

/* Its one line, and the function, without its bytes. */
static void say_dump(FILE *file, uint64_t code, const char *name, uint64_t when)
{
	const uint32_t size = 16 + 40 + (uint32_t)strlen(name) + 1;
	const uint64_t debug[] = { 2 | 56ull << 32, when, code, 1, code, 42 };
	const uint64_t load[] = {
		(uint64_t)size << 32, when, (uint32_t)getpid(), code, code, 4096, 1,
	};

	fwrite(debug, sizeof(debug), 1, file);
	fwrite("made.x\0", 8, 1, file);
	fwrite(load, sizeof(load), 1, file);
	fwrite(name, strlen(name) + 1, 1, file);
}

int main(int argc, char **argv)
{
	void *code = generate();
	void *(*call)(size_t) = (void *(*)(size_t))code;
	struct names names = { .dump = argc > 1 && strcmp(argv[1], "dump") == 0 };
	char line[128], name[64];

	begin(&names);
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		unsigned long when = 0;
		long n = 0;
		int words = sscanf(line, "%ld %63s %lu", &n, name, &when);

		if (words >= 2 && names.dump)
			say_dump(names.file, (uintptr_t)code, name, when);
		else if (words >= 2)
			fprintf(names.file, "%lx 1000 %s\n", (unsigned long)code, name);
		fflush(names.file);
		for (; n > 0; n--)
			call(1000);
		puts("done");
		fflush(stdout);
	}
	fclose(names.file);
	unlink(names.path);
	return 0;
}
