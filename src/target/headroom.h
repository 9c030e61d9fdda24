/* How much memory a process may still take. Private to the library. */
#ifndef TM_TARGET_HEADROOM_H
#define TM_TARGET_HEADROOM_H

#include <stdint.h>
#include <sys/types.h>

/*
 * Bytes until the memory limit of its cgroup, or of one around that, is
 * reached, file pages that the kernel can drop counted as free; UINT64_MAX
 * where no limit is known. cgroup v2 and v1, as mounted at /sys/fs/cgroup.
 */
uint64_t tm_process_headroom(pid_t pid);

#endif
