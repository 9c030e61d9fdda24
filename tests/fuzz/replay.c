/*
 * A fuzzer's entry on files instead of random bytes, for any compiler:
 *
 *   replay_NAME FILE...
 *
 * What an entry does not like ends the program; the file is named first.
 */
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

enum { MOST = 1 << 20 };

/* In memory of just its size, so that a sanitizer sees what lies beyond. */
static int replay(const char *path)
{
	FILE *f = fopen(path, "r");
	unsigned char *data = malloc(MOST), *exact;
	size_t len;

	if (!f || !data) {
		perror(path);
		return 1;
	}
	fprintf(stderr, "%s\n", path);
	len = fread(data, 1, MOST, f);
	fclose(f);
	exact = realloc(data, len ? len : 1);
	LLVMFuzzerTestOneInput(exact, len);
	free(exact);
	return 0;
}

int main(int argc, char **argv)
{
	int failed = 0;

	if (LLVMFuzzerInitialize && LLVMFuzzerInitialize(&argc, &argv))
		return 1;
	for (int i = 1; i < argc; i++)
		failed |= replay(argv[i]);
	return failed;
}
