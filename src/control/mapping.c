#include "control/mapping.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/guard.h"
#include "base/log.h"
#include "target/arch.h"

/* ---- its bytes --------------------------------------------------------------------- */

bool control_write(const struct control_target *target, tm_addr at,
		   const void *bytes, size_t len, struct tm_err *err)
{
	TM_GUARD(tm_fd_close) int fd = -1;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/mem", (int)target->process->pid);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return tm_err_os(err, errno, target->process->object,
				 "cannot open %s for writing", path);
	if (pwrite(fd, bytes, len, (off_t)at) != (ssize_t)len)
		return tm_err_os(err, errno, target->process->object,
				 "cannot write to its memory");
	return true;
}

bool control_args_read(const struct control_target *target,
		       const struct control_mapping *mapping,
		       struct control_args *ret, struct tm_err *err)
{
	return tm_mem_read(target->mem, mapping->args, ret, sizeof(*ret), err);
}

/* ---- whose is it? ------------------------------------------------------------- */

static uint64_t own_space(void)
{
	struct stat status;

	return stat("/proc/self/ns/pid", &status) == 0 ? status.st_ino : 0;
}

/* Who we are. */
static void sign(struct control_head *head)
{
	struct tm_process self;
	struct tm_err err;

	memcpy(head->magic, CONTROL_MAGIC, sizeof(head->magic));
	head->owner = (int32_t)getpid();
	head->owner_space = own_space();
	if (tm_process_open(getpid(), &self, &err))
		head->owner_time = self.identity.start_time;
}

bool control_owner_is_dead(const struct control_head *head)
{
	struct tm_process owner;
	struct tm_err err;

	if (head->owner_space == 0 || head->owner_space != own_space())
		return false;
	if (!tm_process_open(head->owner, &owner, &err))
		return err.kind == TM_ERR_GONE;
	return owner.identity.start_time != head->owner_time;
}

/* ---- bringing it in -------------------------------------------------------------- */

/* One remote call that must not fail. */
static bool call(struct tm_remote *remote, long nr, const char *name,
		 const uint64_t args[6], int64_t *ret, struct tm_err *err)
{
	if (!tm_remote_syscall(remote, nr, args, ret, NULL, err))
		return false;
	if (*ret >= -4095 && *ret < 0)
		return tm_err_os(err, (int)-*ret, remote->stop->process->object,
				 "%s() in it failed", name);
	return true;
}

static bool protect(struct tm_remote *remote, tm_addr at, uint64_t len, int prot,
		    struct tm_err *err)
{
	const uint64_t args[6] = { at, len, (uint64_t)prot };
	int64_t result;

	return call(remote, SYS_mprotect, "mprotect", args, &result, err);
}

bool control_map(struct tm_remote *remote, struct control_mapping *ret,
		 struct tm_err *err)
{
	const uint64_t args[6] = {
		0, CONTROL_MAPPING_SIZE, PROT_READ | PROT_EXEC,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, (uint64_t)-1, 0,
	};
	tm_addr end;
	int64_t at;

	if (!call(remote, SYS_mmap, "mmap", args, &at, err))
		return false;
	end = (tm_addr)at + CONTROL_MAPPING_SIZE;
	*ret = (struct control_mapping){
		.start = (tm_addr)at, .len = CONTROL_MAPPING_SIZE,
		.args = end - CONTROL_CODE_SIZE - CONTROL_ARGS_SIZE,
		.code = end - CONTROL_CODE_SIZE,
	};
	return true;
}

void control_take_out(struct tm_remote *remote, struct control_mapping *mapping)
{
	const uint64_t args[6] = { mapping->start, mapping->len };
	struct tm_err err;
	int64_t result;

	if (mapping->start && !call(remote, SYS_munmap, "munmap", args, &result, &err))
		tm_log("control: %s: %s", err.object, err.cause);
	*mapping = (struct control_mapping){ 0 };
}

static bool write_args(const struct control_target *target,
		       const struct control_args *args,
		       const struct control_mapping *mapping, struct tm_err *err)
{
	struct control_args full = *args;

	sign(&full.head);
	full.head.start = mapping->start;
	full.head.len = mapping->len;
	full.stack = mapping->start + CONTROL_GUARD_SIZE;
	full.stack_size = CONTROL_STACK_SIZE;
	full.start = mapping->code + (tm_addr)((const char *)control_thread -
					       control_payload_begin);
	return control_write(target, mapping->args, &full, sizeof(full), err);
}

static bool write_code(const struct control_target *target,
		       const struct control_mapping *mapping, struct tm_err *err)
{
	size_t len = (size_t)(control_payload_end - control_payload_begin);

	if (len > CONTROL_RESTORER_AT)
		return tm_err_set(err, TM_ERR_LIMIT, "tmattach",
				  "the code for the target is too long");
	return control_write(target, mapping->code, control_payload_begin, len, err) &&
	       control_write(target, mapping->code + CONTROL_RESTORER_AT, tm_restorer_code,
			     tm_restorer_code_len, err);
}

bool control_fill(const struct control_target *target, struct tm_remote *remote,
		  const struct control_args *args,
		  const struct control_mapping *mapping, struct tm_err *err)
{
	const tm_addr stack = mapping->start + CONTROL_GUARD_SIZE;

	return write_args(target, args, mapping, err) &&
	       write_code(target, mapping, err) &&
	       protect(remote, mapping->start, CONTROL_GUARD_SIZE, PROT_NONE, err) &&
	       protect(remote, stack, mapping->code - stack,
		       PROT_READ | PROT_WRITE, err);
}

/* ---- taking it out -------------------------------------------------------------- */

/*
 * The stack pointer of a thread that did not stop in time: known if it waits
 * in the kernel; if it is about to run, it can stand anywhere.
 */
static bool sp_in_kernel(pid_t pid, pid_t tid, tm_addr *ret)
{
	TM_GUARD(tm_file_close) FILE *file = NULL;
	char path[64], line[256] = "";
	char *last, *sp;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/syscall", (int)pid, (int)tid);
	file = fopen(path, "re");
	if (!file || !fgets(line, sizeof(line), file))
		return false;
	/* "nr args... sp pc", or "running". */
	last = strrchr(line, ' ');
	if (!last)
		return false;
	*last = '\0';
	sp = strrchr(line, ' ');
	*ret = sp ? strtoull(sp + 1, NULL, 16) : 0;
	return sp != NULL;
}

static bool may_stand_in(const struct tm_stop *stop, const struct tm_thread *thread,
			 const struct control_mapping *mapping)
{
	struct user_regs_struct regs;
	tm_addr sp;

	if (thread->state == TM_THREAD_GONE)
		return false;
	if (tm_regs_get(thread->tid, &regs))
		sp = tm_regs_sp(&regs);
	else if (!sp_in_kernel(stop->process->pid, thread->tid, &sp))
		return true;
	return sp - mapping->start < mapping->len;
}

static bool stands_in(const struct tm_stop *stop, const struct control_mapping *mapping)
{
	for (size_t i = 0; i < stop->n; i++)
		if (may_stand_in(stop, &stop->threads[i], mapping))
			return true;
	return false;
}

bool control_unmap(const struct control_target *target, struct tm_stop *stop,
		   struct control_mapping *mapping, bool *ret_busy, struct tm_err *err)
{
	struct tm_remote remote = { 0 };

	*ret_busy = stands_in(stop, mapping);
	if (*ret_busy)
		return true;
	if (!tm_remote_begin(stop, target->insn, &remote, err))
		return false;
	control_take_out(&remote, mapping);
	tm_remote_end(&remote);
	return true;
}
