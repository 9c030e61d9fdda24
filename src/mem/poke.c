#include "mem/poke.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <unistd.h>

#include "base/guard.h"

int tm_poke_open(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	return open(path, O_RDWR | O_CLOEXEC);
}

bool tm_poke_file(int fd, uint64_t offset, const void *bytes, size_t len)
{
	const char *from = bytes;

	while (len > 0) {
		ssize_t n = pwrite(fd, from, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			errno = ESRCH;
		if (n <= 0)
			return false;
		from += n;
		offset += (uint64_t)n;
		len -= (size_t)n;
	}
	return true;
}

bool tm_poke_word(pid_t stopped, tm_addr at, uint64_t word)
{
	return ptrace(PTRACE_POKEDATA, stopped, at, word) == 0;
}

/* The bytes that fall into the word at `at`. */
static bool poke_part(pid_t stopped, tm_addr word_at, tm_addr at, const char *bytes,
		      size_t len)
{
	size_t before = word_at < at ? (size_t)(at - word_at) : 0;
	size_t skipped = word_at > at ? (size_t)(word_at - at) : 0;
	size_t n = len - skipped < sizeof(uint64_t) - before ? len - skipped
							      : sizeof(uint64_t) - before;
	uint64_t word;

	errno = 0;
	word = (uint64_t)ptrace(PTRACE_PEEKDATA, stopped, word_at, NULL);
	if (errno)
		return false;
	memcpy((char *)&word + before, bytes + skipped, n);
	return tm_poke_word(stopped, word_at, word);
}

static bool poke_words(pid_t stopped, tm_addr at, const void *bytes, size_t len)
{
	for (tm_addr word_at = at & ~(tm_addr)7; word_at < at + len;
	     word_at += sizeof(uint64_t))
		if (!poke_part(stopped, word_at, at, bytes, len))
			return false;
	return true;
}

bool tm_poke(int fd, pid_t stopped, tm_addr at, const void *bytes, size_t len)
{
	int why;

	if (tm_poke_file(fd, at, bytes, len))
		return true;
	why = errno;
	if (stopped && poke_words(stopped, at, bytes, len))
		return true;
	errno = why;
	return false;
}

bool tm_poke_once(pid_t pid, pid_t stopped, tm_addr at, const void *bytes, size_t len)
{
	TM_GUARD(tm_fd_close) int fd = tm_poke_open(pid);
	int why = errno;

	if (tm_poke(fd, stopped, at, bytes, len))
		return true;
	if (fd < 0)
		errno = why;
	return false;
}
