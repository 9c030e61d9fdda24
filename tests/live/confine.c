/*
 * Runs a command under the kind of seccomp filter that container engines
 * install: what administers the machine or looks into other processes is
 * refused, clone() with a new namespace is refused, clone3() is not known.
 *
 *	confine [noptrace|nobreak|noplace] COMMAND...
 *
 * With "noptrace", ptrace() is refused, too, as engines did on kernels before
 * 4.8. With "nobreak", debug registers can be set and do nothing, as under some
 * hypervisors. With "noplace", nothing may be mapped at a chosen free address.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	ERRNO = SECCOMP_RET_ERRNO,
	NEW_NAMESPACE = 0x7e020000, /* as in moby's profile */
	NOTHING = 0x7fffffff,       /* no system call, no argument */
	PLACE = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
};

#define REFUSE(value, err) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, 1), \
	BPF_STMT(BPF_RET | BPF_K, ERRNO | (err))
/* Only with this argument. */
#define REFUSE_ARG(number, arg, value, err) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 4), \
	LOAD(arg), \
	REFUSE(value, err), \
	LOAD(nr)
#define LOAD(field) \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))

struct refused {
	unsigned nr, flags, request;
};

static bool filter(struct refused refused)
{
	struct sock_filter code[] = {
		LOAD(arch),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		LOAD(nr),
		REFUSE_ARG(SYS_mmap, args[3], refused.flags, EPERM),
		REFUSE_ARG(SYS_ptrace, args[0], refused.request, 0),
		REFUSE(refused.nr, EPERM),
		REFUSE(SYS_clone3, ENOSYS),
		REFUSE(SYS_unshare, EPERM), REFUSE(SYS_setns, EPERM),
		REFUSE(SYS_mount, EPERM), REFUSE(SYS_umount2, EPERM),
		REFUSE(SYS_pivot_root, EPERM), REFUSE(SYS_bpf, EPERM),
		REFUSE(SYS_perf_event_open, EPERM), REFUSE(SYS_userfaultfd, EPERM),
		REFUSE(SYS_keyctl, EPERM), REFUSE(SYS_add_key, EPERM),
		REFUSE(SYS_kexec_load, EPERM), REFUSE(SYS_init_module, EPERM),
		REFUSE(SYS_reboot, EPERM), REFUSE(SYS_swapon, EPERM),
		REFUSE(SYS_open_by_handle_at, EPERM), REFUSE(SYS_process_vm_writev, EPERM),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 3),
		LOAD(args[0]),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, NEW_NAMESPACE, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	struct refused refused = { NOTHING, NOTHING, NOTHING };

	if (strcmp(what, "noptrace") == 0)
		refused.nr = SYS_ptrace;
	else if (strcmp(what, "nobreak") == 0)
		refused.request = PTRACE_POKEUSER;
	else if (strcmp(what, "noplace") == 0)
		refused.flags = PLACE;
	argv += 1 + (refused.nr != NOTHING || refused.request != NOTHING ||
		     refused.flags != NOTHING);
	if (!*argv) {
		fprintf(stderr, "usage: confine [noptrace|nobreak|noplace] COMMAND...\n");
		return 2;
	}
	if (!filter(refused)) {
		perror("confine");
		return 2;
	}
	execvp(argv[0], argv);
	perror(argv[0]);
	return 127;
}
