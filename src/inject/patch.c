#include <stdlib.h>
#include <string.h>

#include "arch/arch.h"
#include "base/alloc.h"
#include "base/guard.h"
#include "base/log.h"
#include "inject/private.h"
#include "inject/words.h"
#include "mem/scan.h"

enum {
	CODE_AT = TM_PAGE, /* behind the page of the patches */
	SLOT_SIZE = TM_STUB_SIZE + TM_TRAMPOLINE_SIZE,
	MAX_FUNCTION = 4096,
};

_Static_assert(TM_JUMP_SIZE <= sizeof(((struct tm_recorder_patch *)0)->patched),
	       "a patch holds a jump");
_Static_assert(sizeof(struct tm_recorder_near) +
	       INJECT_MAX_PATCHES * sizeof(struct tm_recorder_patch) <= TM_PAGE &&
	       CODE_AT + INJECT_MAX_PATCHES * SLOT_SIZE <= INJECT_NEAR_SIZE,
	       "a near area holds all patches of an image");

static tm_addr patch_address(const struct inject_plan *plan, size_t i)
{
	return plan->near + sizeof(struct tm_recorder_near) +
	       i * sizeof(struct tm_recorder_patch);
}

/* The copy of a function's beginning; its stub stands right before it. */
static tm_addr trampoline_address(const struct inject_plan *plan, size_t i)
{
	return plan->near + CODE_AT + i * SLOT_SIZE + TM_STUB_SIZE;
}

static bool add_patch(struct tm_injection *in, struct inject_plan *plan,
		      const struct tm_function *function, struct tm_err *err)
{
	struct tm_recorder_patch *patch = &plan->patches[plan->npatches];
	uint64_t slot = CODE_AT + plan->npatches * SLOT_SIZE;
	uint8_t bytes[MAX_FUNCTION];
	size_t len = function->size && function->size < sizeof(bytes)
		? function->size : sizeof(bytes);
	struct tm_trampoline trampoline;
	const char *refused;
	tm_addr at = function->address;
	size_t landing;

	if (len < 16)
		len = 16; /* padding counts, see tm_trampoline_make() */
	len = tm_mem_read_some(in->mem, at, bytes, len);
	landing = tm_landing_len(bytes, len);
	memmove(bytes, bytes + landing, len -= landing);
	at += landing;
	refused = tm_trampoline_make(bytes, len, at,
				     trampoline_address(plan, plan->npatches),
				     &trampoline);
	if (!refused && trampoline.taken > sizeof(patch->original))
		refused = "its first instructions take too much room";
	if (!refused && !tm_jump_make(at, plan->near + slot, patch->patched))
		refused = "no free address near enough to it";
	if (refused)
		return tm_err_set(err, TM_ERR_UNSUPPORTED, in->process.object,
				  "its function %s cannot be hooked: %s",
				  function->name, refused);
	patch->function = at;
	patch->kind = (uint8_t)function->kind;
	patch->length = trampoline.taken;
	memcpy(patch->original, bytes, trampoline.taken);
	patch->entry.original = plan->near + slot + TM_STUB_ORIGINAL;
	tm_stub_make(patch_address(plan, plan->npatches),
		     in->code + in->head.hooks[function->kind], plan->code + slot);
	memcpy(plan->code + slot + TM_STUB_SIZE, trampoline.code, trampoline.size);
	memcpy(plan->moved[plan->npatches], trampoline.moved, sizeof(trampoline.moved));
	plan->npatches++;
	return true;
}

bool inject_can_hook(struct tm_injection *in, const struct tm_function *function,
		     struct tm_err *err)
{
	TM_GUARD(tm_free_ptr) struct inject_plan *plan = tm_calloc(1, sizeof(*plan));

	plan->near = function->address / TM_PAGE * TM_PAGE;
	return add_patch(in, plan, function, err);
}

/* operator new and its variant that does not throw. */
static void pair_operators(struct inject_plan *plan,
			   const struct tm_function *functions, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct tm_function *variant = tm_function_variant(functions, n, &functions[i]);

		if (variant)
			plan->patches[i].entry.nothrow =
				plan->patches[variant - functions].entry.original;
	}
}

bool inject_plan_make(struct tm_injection *in, const struct tm_function *functions,
		      size_t n, tm_addr near, struct inject_plan *ret,
		      struct tm_err *err)
{
	struct tm_recorder_near head = {
		.version = TM_RECORDER_VERSION,
		.magic = TM_RECORDER_NEAR_MAGIC,
		.npatches = (uint32_t)n,
	};

	*ret = (struct inject_plan){ .near = near };
	if (tm_cpu_lacks()) {
		tm_err_set(err, TM_ERR_UNSUPPORTED, in->process.object,
			   "hooks need %s in 64-bit code, which this processor has not",
			   tm_cpu_lacks());
		return tm_err_hint(err, "give the virtual machine its host's processor");
	}
	tm_code_trap(ret->code, sizeof(ret->code));
	if (n > INJECT_MAX_PATCHES)
		return tm_err_set(err, TM_ERR_LIMIT, in->process.object,
				  "one module has %zu allocation functions", n);
	for (size_t i = 0; i < n; i++)
		if (!add_patch(in, ret, &functions[i], err))
			return false;
	pair_operators(ret, functions, n);
	memset(ret->code, 0, TM_PAGE);
	memcpy(ret->code, &head, sizeof(head));
	memcpy(ret->code + sizeof(head), ret->patches, n * sizeof(ret->patches[0]));
	return true;
}

tm_addr inject_plan_moved(const struct inject_plan *plans, size_t n, tm_addr pc)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < plans[i].npatches; k++) {
			const struct tm_recorder_patch *patch = &plans[i].patches[k];
			uint64_t at = pc - patch->function;

			if (at < TM_JUMP_SIZE && plans[i].moved[k][at])
				return trampoline_address(&plans[i], k) +
				       plans[i].moved[k][at];
		}
	return 0;
}

static bool bytes_are(struct tm_injection *in, tm_addr at, const uint8_t *bytes,
		      size_t len)
{
	uint8_t now[sizeof(((struct tm_recorder_patch *)0)->original)];

	return len <= sizeof(now) &&
	       tm_mem_read_some(in->mem, at, now, len) == len &&
	       memcmp(now, bytes, len) == 0;
}

bool inject_plan_apply(struct tm_injection *in, struct tm_stop *stop,
		       const struct inject_plan *plan, struct tm_err *err)
{
	pid_t tid = tm_stop_any(stop);

	for (size_t i = 0; i < plan->npatches; i++)
		if (!bytes_are(in, plan->patches[i].function,
			       plan->patches[i].original, plan->patches[i].length))
			return tm_err_set(err, TM_ERR_BUSY, in->process.object,
					  "its code changes while we look");
	for (size_t i = 0; i < plan->npatches; i++)
		if (!inject_poke(in, tid, plan->patches[i].function,
				 plan->patches[i].patched, TM_JUMP_SIZE, err))
			return false;
	return true;
}

static bool read_near(struct tm_injection *in, uint32_t area, struct tm_recorder_near *ret)
{
	return tm_mem_read_some(in->mem, in->head.near[area].address, ret, sizeof(*ret)) ==
		       sizeof(*ret) &&
	       ret->magic == TM_RECORDER_NEAR_MAGIC && ret->version == TM_RECORDER_VERSION &&
	       ret->npatches <= INJECT_MAX_PATCHES;
}

/* The patches of a near area; malloc'ed, *ret_n 0 if it is not one. */
static struct tm_recorder_patch *read_patches(struct tm_injection *in,
					      uint32_t area, size_t *ret_n)
{
	struct tm_recorder_near head;
	struct tm_recorder_patch *patches = NULL;
	tm_addr at = in->head.near[area].address;

	*ret_n = 0;
	if (!read_near(in, area, &head))
		return NULL;
	patches = tm_calloc(head.npatches + 1, sizeof(*patches));
	*ret_n = tm_mem_read_some(in->mem, at + sizeof(head), patches,
				  head.npatches * sizeof(*patches)) / sizeof(*patches);
	return patches;
}

struct tm_recorder_patch *inject_patches(struct tm_injection *in, size_t *ret_n)
{
	struct tm_recorder_patch *all = NULL;
	size_t cap = 0;

	*ret_n = 0;
	for (uint32_t i = 0; i < in->head.nnear && i < TM_RECORDER_MAX_NEAR; i++) {
		size_t n;
		TM_GUARD(tm_free_ptr) struct tm_recorder_patch *patches = read_patches(in, i, &n);

		all = tm_grow(all, &cap, *ret_n + n + 1, sizeof(*all));
		for (size_t k = 0; k < n; k++)
			if (bytes_are(in, patches[k].function, patches[k].patched, TM_JUMP_SIZE))
				all[(*ret_n)++] = patches[k];
	}
	return all;
}

/* A function that is not ours any more was unloaded, or overwritten by
 * somebody else: it is left alone. */
static bool restore_one(struct tm_injection *in, pid_t tid,
			const struct tm_recorder_patch *patch, struct tm_err *err)
{
	if (patch->length > sizeof(patch->original) ||
	    !bytes_are(in, patch->function, patch->patched, TM_JUMP_SIZE)) {
		tm_log("no hook at %#llx to remove",
		       (unsigned long long)patch->function);
		return true;
	}
	return inject_poke(in, tid, patch->function, patch->original,
			   TM_JUMP_SIZE, err);
}

bool inject_plan_restore(struct tm_injection *in, struct tm_stop *stop,
			 const struct inject_plan *plan, struct tm_err *err)
{
	for (size_t i = plan->npatches; i-- > 0;)
		if (!restore_one(in, tm_stop_any(stop), &plan->patches[i], err))
			return false;
	return true;
}

bool inject_mark_near(struct tm_injection *in, pid_t tid, uint32_t area, struct tm_err *err)
{
	const struct tm_recorder_near head = {
		.version = TM_RECORDER_VERSION, .magic = TM_RECORDER_NEAR_MAGIC,
	};

	return inject_poke(in, tid, in->head.near[area].address, &head, sizeof(head), err);
}

/* The last one first: a hook may stand on one that was there before it. */
bool inject_restore(struct tm_injection *in, struct tm_stop *stop,
		    struct tm_err *err)
{
	for (uint32_t i = in->head.nnear; i-- > 0;) {
		size_t n;
		TM_GUARD(tm_free_ptr) struct tm_recorder_patch *patches =
			read_patches(in, i, &n);

		while (n-- > 0)
			if (!restore_one(in, tm_stop_any(stop), &patches[n], err))
				return false;
	}
	return inject_words_restore(in, stop, err);
}

/* Not if the bytes are somebody else's, whose jump may lead to ours. */
bool inject_near_is_idle(struct tm_injection *in, const struct tm_maps *maps, uint32_t area)
{
	const tm_addr at = in->head.near[area].address;
	struct tm_recorder_near head;
	size_t n;
	TM_GUARD(tm_free_ptr) struct tm_recorder_patch *patches = read_patches(in, area, &n);

	for (size_t i = 0; i < n; i++) {
		const struct tm_region *region = tm_maps_find(maps, patches[i].function);

		if (region && region->executable &&
		    !bytes_are(in, patches[i].function, patches[i].original, patches[i].length))
			return false;
	}
	/* Or was it never used? */
	return read_near(in, area, &head) ||
	       tm_mem_is_blank(in->mem, (struct tm_range){ at, at + sizeof(head) });
}

bool inject_near_allocates(struct tm_injection *in, uint32_t area)
{
	size_t n;
	TM_GUARD(tm_free_ptr) struct tm_recorder_patch *patches = read_patches(in, area, &n);

	for (size_t i = 0; i < n; i++)
		if (tm_recorder_allocates(patches[i].kind))
			return true;
	return false;
}

/* 0: any. */
static bool is_patched(struct tm_injection *in, tm_addr function)
{
	for (uint32_t i = 0; i < in->head.nnear && i < TM_RECORDER_MAX_NEAR; i++) {
		size_t n;
		TM_GUARD(tm_free_ptr) struct tm_recorder_patch *patches =
			read_patches(in, i, &n);

		for (size_t k = 0; k < n; k++)
			if ((!function || patches[k].function == function ||
			     patches[k].function == function + TM_LANDING_LEN) &&
			    bytes_are(in, patches[k].function,
				      patches[k].patched, TM_JUMP_SIZE))
				return true;
	}
	return false;
}

bool inject_patched(struct tm_injection *in, tm_addr function)
{
	return function && is_patched(in, function);
}

bool inject_any_patched(struct tm_injection *in)
{
	return is_patched(in, 0);
}
