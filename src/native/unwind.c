#include "native/unwind.h"

#include <libunwind.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/load.h"
#include "base/map.h"
#include "native/eh_table.h"
#include "native/unwind_arch.h"
#include "native/window.h"
#include "target/arch.h"

/* Exported for this purpose, but in no installed header (libunwind 1.6). */
int UNW_OBJ(dwarf_search_unwind_table)(unw_addr_space_t as, unw_word_t ip,
				       unw_dyn_info_t *di,
				       unw_proc_info_t *pi, int need_unwind_info,
				       void *arg);

enum {
	MAX_FRAMES = 16384,
	CACHE_SIZE = 4096, /* register states; libunwind's default is 128 */
	/* DW_EH_PE_*: what every linker writes into .eh_frame_hdr. */
	ENC_PTR = 0x1b, ENC_COUNT = 0x03, ENC_TABLE = 0x3b,
	HDR_SIZE = 12,
};

/* Tables of our own are shown to libunwind at addresses that no user memory
 * has: this bit, the table's number, the offset in it. */
#define OWN_TABLE (1ull << 63)
enum { OWN_SHIFT = 40 };

struct tm_unwinder {
	struct native_modules *modules;
	unw_addr_space_t space;
	struct tm_map has_table; /* pc -> 1 or 0: covered by an unwind table? */
	struct tm_map own_of;    /* module pointer -> index into own */
	struct native_eh_table *own;
	size_t nown, cap_own;
	const struct user_regs_struct *regs;
	struct user_regs_struct own_regs; /* after a step of our own */
	struct native_window window;
};

void tm_stack_free(struct tm_stack *stack)
{
	free(stack->frames);
	*stack = (struct tm_stack){ 0 };
}

static struct native_eh_table *own_table(struct tm_unwinder *unwinder,
					 const struct native_module *module,
					 uint32_t *ret_number)
{
	uint32_t *slot = tm_map_put(&unwinder->own_of, (uintptr_t)module);
	struct native_elf file;

	if (*slot == TM_MAP_NONE) {
		*slot = (uint32_t)unwinder->nown;
		unwinder->own = tm_grow(unwinder->own, &unwinder->cap_own,
					unwinder->nown + 1, sizeof(*unwinder->own));
		unwinder->own[unwinder->nown] = (struct native_eh_table){ 0 };
		if (native_elf_open_module(module, unwinder->modules->pid,
					   unwinder->modules->mem, NATIVE_VIA_ALL,
					   &file)) {
			native_eh_table_build(file.elf, module->image.bias,
					      &unwinder->own[unwinder->nown]);
			native_elf_close(&file);
		}
		unwinder->nown++;
	}
	*ret_number = *slot;
	return &unwinder->own[*slot];
}

/* An image without .eh_frame_hdr: the table is made from its file. */
static bool own_table_of(struct tm_unwinder *unwinder,
			 const struct native_module *module, unw_dyn_info_t *ret)
{
	uint32_t number;
	const struct native_eh_table *table = own_table(unwinder, module, &number);

	if (table->n == 0 || table->n > UINT32_MAX)
		return false;
	ret->u.rti.segbase = table->base;
	ret->u.rti.table_data = OWN_TABLE | (tm_addr)number << OWN_SHIFT;
	ret->u.rti.table_len = table->n;
	return true;
}

static bool read_own(struct tm_unwinder *unwinder, tm_addr at, void *buf,
		     size_t len)
{
	size_t number = (size_t)((at & ~OWN_TABLE) >> OWN_SHIFT);
	uint64_t off = at & ((1ull << OWN_SHIFT) - 1);
	const struct native_eh_table *table;

	if (number >= unwinder->nown)
		return false;
	table = &unwinder->own[number];
	if (off > table->n * sizeof(*table->entries))
		return false;
	/* libunwind reads aligned words only; an entry is one. */
	if (len > table->n * sizeof(*table->entries) - off)
		return false;
	memcpy(buf, (const char *)table->entries + off, len);
	return true;
}

/* Where the sorted table of an image's .eh_frame_hdr is, for libunwind to
 * search with our access_mem(). */
static bool table_of(struct tm_unwinder *unwinder,
		     const struct native_module *module, unw_dyn_info_t *ret)
{
	tm_addr at = module->image.eh_frame_hdr;
	unsigned char hdr[HDR_SIZE];

	*ret = (unw_dyn_info_t){
		.start_ip = module->image.whole.start,
		.end_ip = module->image.whole.end,
		.format = UNW_INFO_FORMAT_REMOTE_TABLE,
	};
	if (!at)
		return own_table_of(unwinder, module, ret);
	if (!native_window_read(&unwinder->window, at, hdr, sizeof(hdr)) ||
	    hdr[0] != 1 || hdr[1] != ENC_PTR || hdr[2] != ENC_COUNT ||
	    hdr[3] != ENC_TABLE)
		return false;
	ret->u.rti.segbase = at;
	ret->u.rti.table_data = at + HDR_SIZE;
	/* In words; an entry is two 32-bit offsets. */
	ret->u.rti.table_len = tm_load_u32(hdr, 8);
	return true;
}

static int find_proc_info(unw_addr_space_t space, unw_word_t ip,
			  unw_proc_info_t *ret, int need, void *arg)
{
	struct tm_unwinder *unwinder = arg;
	struct native_module *module = native_modules_find(unwinder->modules, ip);
	unw_dyn_info_t table;

	if (!module || !table_of(unwinder, module, &table))
		return -UNW_ENOINFO;
	return UNW_OBJ(dwarf_search_unwind_table)(space, ip, &table, ret, need,
						  arg);
}

static void put_unwind_info(unw_addr_space_t space, unw_proc_info_t *info,
			    void *arg)
{
	(void)space;
	(void)info;
	(void)arg;
}

static int no_dyn_info(unw_addr_space_t space, unw_word_t *ret, void *arg)
{
	(void)space;
	(void)ret;
	(void)arg;
	return -UNW_ENOINFO;
}

static int access_mem(unw_addr_space_t space, unw_word_t at, unw_word_t *value,
		      int write, void *arg)
{
	struct tm_unwinder *unwinder = arg;

	(void)space;
	if (write)
		return -UNW_EINVAL;
	if (at & OWN_TABLE)
		return read_own(unwinder, at, value, sizeof(*value))
			? 0 : -UNW_EINVAL;
	return native_window_read(&unwinder->window, at, value, sizeof(*value))
		? 0 : -UNW_EINVAL;
}

static int access_reg(unw_addr_space_t space, unw_regnum_t number,
		      unw_word_t *value, int write, void *arg)
{
	struct tm_unwinder *unwinder = arg;
	uint64_t got;

	(void)space;
	if (write)
		return -UNW_EREADONLYREG;
	if (!native_unwind_reg(unwinder->regs, number, &got))
		return -UNW_EBADREG;
	*value = got;
	return 0;
}

static int no_fpreg(unw_addr_space_t space, unw_regnum_t number,
		    unw_fpreg_t *value, int write, void *arg)
{
	(void)space;
	(void)number;
	(void)value;
	(void)write;
	(void)arg;
	return -UNW_EBADREG;
}

static int no_resume(unw_addr_space_t space, unw_cursor_t *cursor, void *arg)
{
	(void)space;
	(void)cursor;
	(void)arg;
	return -UNW_EINVAL;
}

static int no_name(unw_addr_space_t space, unw_word_t at, char *buf, size_t len,
		   unw_word_t *offset, void *arg)
{
	(void)space;
	(void)at;
	(void)buf;
	(void)len;
	(void)offset;
	(void)arg;
	return -UNW_ENOINFO;
}

static unw_accessors_t accessors = {
	.find_proc_info = find_proc_info,
	.put_unwind_info = put_unwind_info,
	.get_dyn_info_list_addr = no_dyn_info,
	.access_mem = access_mem,
	.access_reg = access_reg,
	.access_fpreg = no_fpreg,
	.resume = no_resume,
	.get_proc_name = no_name,
};

struct tm_unwinder *tm_unwinder_create(struct native_modules *modules,
				       struct tm_err *err)
{
	struct tm_unwinder *unwinder;
	unw_addr_space_t space = unw_create_addr_space(&accessors, 0);

	if (!space) {
		tm_err_set(err, TM_ERR_UNSUPPORTED, "libunwind",
			   "it does not know this machine");
		return NULL;
	}
	unwinder = tm_calloc(1, sizeof(*unwinder));
	unwinder->modules = modules;
	unwinder->space = space;
	unw_set_caching_policy(space, UNW_CACHE_GLOBAL);
	unw_set_cache_size(space, CACHE_SIZE, 0);
	return unwinder;
}

void tm_unwinder_destroy(struct tm_unwinder *unwinder)
{
	if (!unwinder)
		return;
	unw_destroy_addr_space(unwinder->space);
	tm_map_free(&unwinder->has_table);
	tm_map_free(&unwinder->own_of);
	for (size_t i = 0; i < unwinder->nown; i++)
		native_eh_table_free(&unwinder->own[i]);
	free(unwinder->own);
	free(unwinder);
}

void tm_unwinder_begin(struct tm_unwinder *unwinder, bool changed)
{
	native_window_clear(&unwinder->window);
	if (!changed)
		return;
	unw_flush_cache(unwinder->space, 0, 0);
	tm_map_free(&unwinder->has_table);
}

static bool has_table(struct tm_unwinder *unwinder, tm_addr pc)
{
	uint32_t *slot = tm_map_put(&unwinder->has_table, pc);
	unw_proc_info_t info;

	if (*slot == TM_MAP_NONE)
		*slot = unw_get_proc_info_by_ip(unwinder->space, pc, &info,
						unwinder) == 0;
	return *slot;
}

/* Where frame `i` is executing, for tables and symbols. */
static tm_addr inside(const struct tm_stack_frame *frame)
{
	return frame->pc - (frame->is_return ? 1 : 0);
}

static bool after_call(struct tm_unwinder *unwinder, tm_addr pc)
{
	unsigned char code[NATIVE_CALL_LEN];

	return native_modules_find(unwinder->modules, pc - 1) &&
	       native_window_read(&unwinder->window, pc - sizeof(code), code,
				  sizeof(code)) &&
	       native_is_call(code, sizeof(code));
}

static void push(struct tm_stack *stack, const struct tm_stack_frame *frame)
{
	stack->frames = tm_grow(stack->frames, &stack->cap, stack->n + 1,
				sizeof(*stack->frames));
	stack->frames[stack->n++] = *frame;
}

/* Where a signal handler returns to stands for itself: no call is before it. */
static bool at_sigreturn(struct tm_unwinder *unwinder, tm_addr pc)
{
	unsigned char code[NATIVE_SIGRETURN_LEN];

	return native_window_read(&unwinder->window, pc, code, sizeof(code)) &&
	       native_is_sigreturn(code);
}

/* Out of a signal handler whose trampoline has no unwind table (musl): the
 * kernel's frame on the stack tells the registers. */
static bool leave_signal(struct tm_unwinder *unwinder, unw_cursor_t *cursor,
			 const struct tm_stack_frame *newer)
{
	unsigned char context[NATIVE_UCONTEXT_LEN];

	if (!at_sigreturn(unwinder, newer->pc) ||
	    !native_window_read(&unwinder->window, newer->sp, context,
				sizeof(context)))
		return false;
	native_ucontext_regs(context, &unwinder->own_regs);
	unwinder->regs = &unwinder->own_regs;
	return unw_init_remote(cursor, unwinder->space, unwinder) == 0;
}

/* By the frame pointer. libunwind would do that too, but (1.6) goes on with a
 * wrong stack pointer. */
static bool guess(struct tm_unwinder *unwinder, unw_cursor_t *cursor)
{
	struct user_regs_struct regs;
	uint64_t frame[2];

	native_cursor_regs(cursor, &regs);
	if (!native_window_read(&unwinder->window, native_frame_pointer(&regs),
				frame, sizeof(frame)))
		return false;
	native_frame_pointer_step(&regs, frame);
	unwinder->own_regs = regs;
	unwinder->regs = &unwinder->own_regs;
	return unw_init_remote(cursor, unwinder->space, unwinder) == 0;
}

/* What libunwind's step gives: above 0 a frame, 0 the end, below 0 failure. */
static int step_cursor(struct tm_unwinder *unwinder, unw_cursor_t *cursor,
		       bool covered, bool left_signal)
{
	if (covered)
		return unw_step(cursor);
	return left_signal || guess(unwinder, cursor) ? 1 : -1;
}

/* Is the frame that the cursor has come to a believable one? */
static bool believable(struct tm_unwinder *unwinder, const struct tm_stack *stack,
		       const struct tm_stack_frame *frame)
{
	const struct tm_stack_frame *newer = &stack->frames[stack->n - 1];

	if (frame->pc == 0 || (frame->is_return && frame->sp <= newer->sp))
		return false;
	return !stack->doubtful || !frame->is_return ||
	       after_call(unwinder, frame->pc);
}

/*
 * One frame outwards. Without a table the frame pointer is followed, which
 * need not be one: from there on, frames must stand behind a call.
 */
static bool step(struct tm_unwinder *unwinder, unw_cursor_t *cursor,
		 struct tm_stack *stack)
{
	const struct tm_stack_frame *newer = &stack->frames[stack->n - 1];
	bool covered = has_table(unwinder, inside(newer));
	bool signal = covered ? at_sigreturn(unwinder, newer->pc)
			      : leave_signal(unwinder, cursor, newer);
	struct tm_stack_frame frame = {
		.is_return = !signal, .guessed = !covered && !signal,
	};
	unw_word_t pc = 0, sp = 0;
	int status = step_cursor(unwinder, cursor, covered, signal);

	stack->doubtful |= frame.guessed;
	if (status <= 0 || unw_get_reg(cursor, UNW_REG_IP, &pc) != 0 ||
	    unw_get_reg(cursor, UNW_REG_SP, &sp) != 0) {
		stack->complete = status == 0 && covered;
		return false;
	}
	frame.pc = pc;
	frame.sp = sp;
	if (!believable(unwinder, stack, &frame)) {
		stack->complete = pc == 0 && covered;
		return false;
	}
	frame.is_return &= !at_sigreturn(unwinder, pc);
	push(stack, &frame);
	return true;
}

void tm_unwind(struct tm_unwinder *unwinder, struct tm_mem *mem,
	       const struct user_regs_struct *regs, size_t max,
	       struct tm_stack *ret)
{
	struct tm_stack_frame first = {
		.pc = tm_regs_pc(regs), .sp = tm_regs_sp(regs),
	};
	unw_cursor_t cursor;

	ret->n = 0;
	ret->complete = ret->doubtful = false;
	push(ret, &first);
	unwinder->regs = regs;
	native_window_stack(&unwinder->window, mem, first.sp);
	if (unw_init_remote(&cursor, unwinder->space, unwinder) != 0)
		return;
	if (max == 0 || max > MAX_FRAMES)
		max = MAX_FRAMES;
	while (ret->n < max && step(unwinder, &cursor, ret))
		continue;
}
