/* /proc/PID/stat, as far as it is needed to know a process or a thread. */
#ifndef TM_TARGET_STAT_H
#define TM_TARGET_STAT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Field numbers of proc(5). */
enum { STAT_STATE = 3, STAT_FLAGS = 9, STAT_NUM_THREADS = 20, STAT_STARTTIME = 22,
       STAT_STARTSTACK = 28, STAT_STARTBRK = 47, STAT_FIELDS = 47 };

/* Of the flags; include/linux/sched.h. */
enum { PF_EXITING = 0x4, PF_KTHREAD = 0x00200000 };

struct target_stat {
	char name[32];
	char state;
	uint64_t values[STAT_FIELDS + 1];
};

bool target_stat_read(pid_t pid, struct target_stat *ret);
bool target_stat_read_thread(pid_t pid, pid_t tid, struct target_stat *ret);
bool target_stat_is_dead(const struct target_stat *stat);
/* The oldest thread of a process that has not ended, nor is about to; 0: none. */
pid_t target_stat_living(pid_t pid, struct target_stat *ret);

/* Up to size - 1 bytes of a /proc file, NUL-terminated; -1 with errno. */
ssize_t target_slurp(const char *path, char *buf, size_t size);

#endif
