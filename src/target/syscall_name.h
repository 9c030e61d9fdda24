/* Names of system calls. */
#ifndef TM_TARGET_SYSCALL_NAME_H
#define TM_TARGET_SYSCALL_NAME_H

/* "read"; NULL if this kernel header knows no call of that number. */
const char *tm_syscall_name(long nr);

#endif
