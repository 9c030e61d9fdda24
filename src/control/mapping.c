#include "control/mapping.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arch/arch.h"
#include "mem/poke.h"
#include "remote/map.h"
#include "remote/quiet.h"

/* ---- its bytes --------------------------------------------------------------------- */

bool control_write(const struct control_target *target, pid_t stopped, tm_addr at,
		   const void *bytes, size_t len, struct tm_err *err)
{
	return tm_poke_once(target->process->pid, stopped, at, bytes, len) ||
	       tm_process_explain(target->process, errno, "cannot write its memory", err);
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

bool control_map(struct tm_remote *remote, struct control_mapping *ret,
		 struct tm_err *err)
{
	const struct tm_remote_mapping what = {
		.len = CONTROL_MAPPING_SIZE, .prot = PROT_READ | PROT_EXEC,
		.flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
	};
	tm_addr at, end;

	if (!tm_remote_map(remote, &what, &at, err))
		return false;
	end = at + CONTROL_MAPPING_SIZE;
	*ret = (struct control_mapping){
		.start = at, .len = CONTROL_MAPPING_SIZE,
		.args = end - CONTROL_CODE_SIZE - CONTROL_ARGS_SIZE,
		.code = end - CONTROL_CODE_SIZE,
	};
	/* Locked by mlockall(), the stack would be filled when it becomes
	 * writable. */
	return tm_remote_unlock(remote, at, CONTROL_MAPPING_SIZE, err);
}

void control_take_out(struct tm_remote *remote, struct control_mapping *mapping)
{
	tm_remote_drop(remote, mapping->start, mapping->len);
	*mapping = (struct control_mapping){ 0 };
}

static bool write_args(const struct control_target *target, pid_t host,
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
	return control_write(target, host, mapping->args, &full, sizeof(full), err);
}

static bool write_code(const struct control_target *target, pid_t host,
		       const struct control_mapping *mapping, struct tm_err *err)
{
	size_t len = (size_t)(control_payload_end - control_payload_begin);

	if (len > CONTROL_RESTORER_AT)
		return tm_err_set(err, TM_ERR_LIMIT, "tmattach",
				  "the code for the target is too long");
	return control_write(target, host, mapping->code, control_payload_begin, len, err) &&
	       control_write(target, host, mapping->code + CONTROL_RESTORER_AT,
			     tm_restorer_code, tm_restorer_code_len, err);
}

bool control_fill(const struct control_target *target, struct tm_remote *remote,
		  const struct control_args *args,
		  const struct control_mapping *mapping, struct tm_err *err)
{
	const tm_addr stack = mapping->start + CONTROL_GUARD_SIZE;

	return write_args(target, remote->host->tid, args, mapping, err) &&
	       write_code(target, remote->host->tid, mapping, err) &&
	       tm_remote_protect(remote, mapping->start, CONTROL_GUARD_SIZE, PROT_NONE,
				 err) &&
	       tm_remote_protect(remote, stack, mapping->code - stack,
				 PROT_READ | PROT_WRITE, err);
}

/* ---- taking it out -------------------------------------------------------------- */

bool control_stands_in(const struct tm_stop *stop, struct tm_range mapping)
{
	for (size_t i = 0; i < stop->n; i++) {
		struct tm_standing standing;
		enum tm_stands stands = tm_quiet_stands(stop, &stop->threads[i], &standing);

		if (stands == TM_STANDS_ANYWHERE ||
		    (stands == TM_STANDS_THERE && tm_range_has(mapping, standing.sp)))
			return true;
	}
	return false;
}

bool control_unmap(const struct control_target *target, struct tm_stop *stop,
		   struct control_mapping *mapping, bool *ret_busy, struct tm_err *err)
{
	struct tm_remote remote = { 0 };

	*ret_busy = control_stands_in(stop, (struct tm_range){ mapping->start,
							       mapping->start + mapping->len });
	if (*ret_busy)
		return true;
	if (!tm_remote_begin(stop, target->insn, &remote, err))
		return false;
	control_take_out(&remote, mapping);
	tm_remote_end(&remote);
	return true;
}
