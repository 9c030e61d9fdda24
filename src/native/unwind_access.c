#include "native/unwind_access.h"

#include <string.h>

#include "arch/arch.h"
#include "base/alloc.h"
#include "base/load.h"

/* Exported for this purpose, but in no installed header (libunwind 1.6). */
int UNW_OBJ(dwarf_search_unwind_table)(unw_addr_space_t as, unw_word_t ip,
				       unw_dyn_info_t *di,
				       unw_proc_info_t *pi, int need_unwind_info,
				       void *arg);

enum {
	/* DW_EH_PE_*: what every linker writes into .eh_frame_hdr. */
	ENC_PTR = 0x1b, ENC_COUNT = 0x03, ENC_TABLE = 0x3b,
	HDR_SIZE = 12,
};

/* Tables of our own are shown to libunwind at addresses that no user memory
 * has: this bit, the table's number, the offset in it. */
#define OWN_TABLE (1ull << 63)
enum { OWN_SHIFT = 40 };

/* ---- unwind tables ---------------------------------------------------------- */

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

/* ---- memory and registers --------------------------------------------------- */

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
	if (!tm_regs_dwarf(unwinder->regs, number, &got))
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

unw_accessors_t native_unwind_accessors = {
	.find_proc_info = find_proc_info,
	.put_unwind_info = put_unwind_info,
	.get_dyn_info_list_addr = no_dyn_info,
	.access_mem = access_mem,
	.access_reg = access_reg,
	.access_fpreg = no_fpreg,
	.resume = no_resume,
	.get_proc_name = no_name,
};
