/*
 * Preloaded into tmattach: /proc/PID/mem as of a kernel with
 * proc_mem.force_override=never, which does not write to pages that the process
 * may not write itself. And it writes a few hundred bytes at a time.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

enum { FEW = 300 };

/* The bytes from `at` that the process may write. */
static size_t writable(const char *mem, unsigned long at)
{
	char path[80], line[512], writes;
	unsigned long start, end = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%.*smaps", (int)(strlen(mem) - strlen("mem")), mem);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%lx-%lx %*c%c", &start, &end, &writes) == 3 && start <= at &&
		    at < end)
			break;
	if (file)
		fclose(file);
	return end > at && start <= at && writes == 'w' ? end - at : 0;
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
	char link[64], path[64] = "";
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n > 4 && strncmp(path, "/proc/", 6) == 0 && strcmp(path + n - 4, "/mem") == 0) {
		size_t most = writable(path, (unsigned long)at);

		if (!most) {
			errno = EIO;
			return -1;
		}
		len = len < most ? len : most;
		len = len < FEW ? len : FEW;
	}
	return syscall(SYS_pwrite64, fd, bytes, len, at);
}
