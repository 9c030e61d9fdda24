/*
 * Exceptions. What a hook leaves on the stack has no unwind table, so one that is thrown
 * through it ends the program. malloc's family throws nothing. operator new does: its hook
 * calls the variant that does not (entry.S), which must not call it in turn; where there is
 * none, it is hooked as malloc() is if it throws nothing, and else not at all.
 */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "arch/arch.h"
#include "base/alloc.h"
#include "base/guard.h"
#include "base/log.h"
#include "inject/private.h"

/* Code as it is without our hooks. */
struct code {
	struct tm_injection *in;
	const struct tm_maps *maps;
	struct tm_recorder_patch *patches;
	size_t npatches;
};

static size_t read_code(void *ctx, uint64_t at, void *buf, size_t len)
{
	const struct code *code = ctx;

	len = tm_mem_read_some(code->in->mem, at, buf, len);
	for (size_t i = 0; i < code->npatches; i++) {
		const struct tm_recorder_patch *patch = &code->patches[i];

		for (size_t k = 0; k < TM_JUMP_SIZE; k++)
			if (patch->function + k - at < len)
				((uint8_t *)buf)[patch->function + k - at] = patch->original[k];
	}
	return len;
}

static struct code code_of(struct tm_injection *in, const struct tm_maps *maps)
{
	struct code code = { .in = in, .maps = maps };

	code.patches = inject_patches(in, &code.npatches);
	return code;
}

/* Is what is here the C library's? It calls back nobody who might throw. */
static bool is_libc(struct tm_injection *in, const struct tm_maps *maps, tm_addr at)
{
	const struct tm_region *region = tm_maps_find(maps, at);

	for (size_t i = 0; region && i < maps->n; i++) {
		TM_GUARD(tm_image_free) struct tm_image image = { 0 };
		struct tm_err err;

		if (maps->regions[i].inode == region->inode && region->inode &&
		    inject_may_be_image(&maps->regions[i]))
			return tm_image_read(in->mem, &maps->regions[i], &image, &err) &&
			       tm_image_is_libc(&image) && tm_image_holds(&image, at, PF_X);
	}
	return false;
}

/* ---- linkage tables that are not bound yet ------------------------------------------- */

struct linkage {
	tm_addr word;     /* where the table says where to go on */
	const char *name; /* of the function that it leads to */
};

/* The entries of an image's linkage table: DT_JMPREL. */
static uint64_t linkage_size(struct code *code, const struct tm_image *image, tm_addr *ret_at)
{
	enum { MAX_TAGS = 128, MAX_SIZE = 1 << 20 };
	uint64_t size = 0;
	Elf64_Dyn dyn;

	*ret_at = 0;
	for (size_t i = 0; image->dynamic && i < MAX_TAGS; i++) {
		if (tm_mem_read_some(code->in->mem, image->dynamic + i * sizeof(dyn), &dyn,
				     sizeof(dyn)) != sizeof(dyn) || dyn.d_tag == DT_NULL)
			break;
		if (dyn.d_tag == DT_JMPREL)
			*ret_at = dyn.d_un.d_ptr;
		if (dyn.d_tag == DT_PLTRELSZ)
			size = dyn.d_un.d_val;
	}
	/* glibc has made an address of it, musl has not. */
	if (*ret_at && !tm_image_holds(image, *ret_at, PF_R))
		*ret_at += image->bias;
	return *ret_at && size < MAX_SIZE ? size : 0;
}

static bool linkage_of(const struct tm_image *image, const Elf64_Rela *rela,
		       struct linkage *ret)
{
	const Elf64_Sym *sym;

	if (ELF64_R_SYM(rela->r_info) >= image->ndynsym)
		return false;
	sym = &image->dynsym[ELF64_R_SYM(rela->r_info)];
	if (sym->st_name >= image->dynstr_len)
		return false;
	*ret = (struct linkage){ image->bias + rela->r_offset, image->dynstr + sym->st_name };
	return true;
}

/* Fill in what is not given: the word (0), or the name (NULL). */
static bool linkage_find(struct code *code, const struct tm_image *image, struct linkage *one)
{
	tm_addr at;
	uint64_t size = linkage_size(code, image, &at);
	TM_GUARD(tm_free_ptr) Elf64_Rela *table = tm_malloc(size + 1);

	size = tm_mem_read_some(code->in->mem, at, table, size);
	for (size_t i = 0; i < size / sizeof(*table); i++) {
		struct linkage here;

		if (linkage_of(image, &table[i], &here) &&
		    (one->name ? strcmp(here.name, one->name) == 0 : here.word == one->word)) {
			*one = here;
			return true;
		}
	}
	return false;
}

/* Will a function of this name be the C library's? */
static bool only_libc_has(struct code *code, const char *name)
{
	bool found = false;

	for (size_t i = 0; i < code->maps->n; i++) {
		TM_GUARD(tm_image_free) struct tm_image image = { 0 };
		struct tm_err err;

		if (!inject_may_be_image(&code->maps->regions[i]) ||
		    !tm_image_read(code->in->mem, &code->maps->regions[i], &image, &err) ||
		    !tm_image_exports(&image, name))
			continue;
		if (!tm_image_is_libc(&image))
			return false;
		found = true;
	}
	return found;
}

static bool leads_to_libc(struct code *code, const struct tm_image *image, tm_addr word)
{
	struct linkage linkage = { .word = word };
	struct tm_err err;
	uint64_t to;

	if (!tm_mem_u64(code->in->mem, word, &to, &err))
		return false;
	return is_libc(code->in, code->maps, to) ||
	       (tm_image_holds(image, to, PF_X) && linkage_find(code, image, &linkage) &&
		only_libc_has(code, linkage.name));
}

/* ---- what may throw ------------------------------------------------------------------ */

/* Does nothing that it comes to throw? */
static bool throws_nothing(struct code *code, const struct tm_image *image, tm_addr function)
{
	struct tm_reach reach = { 0 };

	if (!tm_code_reach(function, read_code, code, &reach))
		return false;
	for (size_t i = 0; i < reach.n; i++)
		if (!leads_to_libc(code, image, reach.words[i]))
			return false;
	return true;
}

static bool given_throws_nothing(struct code *code, const struct tm_function *function)
{
	TM_GUARD(tm_image_free) struct tm_image image = { 0 };
	const struct tm_region *region = tm_maps_find(code->maps, function->module);
	struct tm_err err;

	return region && tm_image_read(code->in->mem, region, &image, &err) &&
	       throws_nothing(code, &image, function->address);
}

bool inject_none_throws(struct tm_injection *in, const struct tm_maps *maps,
			const struct tm_functions *functions, struct tm_err *err)
{
	struct code code = { .in = in, .maps = maps };

	for (size_t i = 0; functions->exceptions && i < functions->n; i++) {
		const struct tm_function *function = &functions->items[i];

		/* The hook of what takes blocks back is gone before that is called. */
		if (!function->given || function->kind == TM_HOOK_FREE ||
		    given_throws_nothing(&code, function))
			continue;
		tm_err_set(err, TM_ERR_UNSUPPORTED, in->process.object,
			   "its function %s may throw an exception, which would end the program "
			   "at a hook", function->name);
		return tm_err_hint(err, "leave it out: what it takes from malloc is recorded there; "
				   "--maps records what it maps");
	}
	return true;
}

/* ---- operator new -------------------------------------------------------------------- */

static bool calls(struct code *code, const struct tm_image *image,
		  const struct tm_function *caller, const struct tm_function *function)
{
	struct tm_reach reach = { .asked = function->address };
	struct linkage linkage = { .name = function->name };
	struct tm_err err;
	uint64_t to;

	linkage_find(code, image, &linkage);
	tm_code_reach(caller->address, read_code, code, &reach);
	for (size_t i = 0; i < reach.n; i++)
		if (reach.words[i] == linkage.word ||
		    (tm_mem_u64(code->in->mem, reach.words[i], &to, &err) && to == reach.asked))
			return true;
	return reach.passed;
}

/* Is what it gives out malloc's, of the same image? */
static bool is_of_malloc(struct code *code, const struct tm_image *image,
			 const struct tm_functions *functions, size_t from,
			 const struct tm_function *function)
{
	for (size_t i = from; i < functions->n; i++)
		if (tm_function_is_malloc(&functions->items[i]))
			return calls(code, image, function, &functions->items[i]);
	return true;
}

/*
 * By its variant, as malloc, or not at all: then it is dropped. The variant may be made of
 * it: the hook would call itself for ever.
 */
static void settle(struct code *code, const struct tm_image *image,
		   const struct tm_function *variant, struct tm_function *function)
{
	function->skipped = false;
	if (function->kind != TM_HOOK_NEW || (variant && !calls(code, image, variant, function)))
		return;
	function->skipped = !throws_nothing(code, image, function->address);
	if (!function->skipped)
		function->kind = TM_HOOK_MALLOC;
	tm_log("%s is %s", function->name, function->skipped ? "not hooked: it may throw"
							     : "hooked: it throws nothing");
}

/* Where there is no malloc, operator new and delete are hooked together or not at all; and
 * not in so many images that there is no place for those that have one. */
static bool are_worth_it(struct tm_injection *in, struct tm_functions *functions, size_t from)
{
	enum { MOST = TM_RECORDER_MAX_NEAR / 4 };
	bool give = false, fit = true;

	for (size_t i = from; i < functions->n; i++)
		if (tm_function_is_malloc(&functions->items[i]))
			return true;
	for (size_t i = from; i < functions->n; i++) {
		const struct tm_function *function = &functions->items[i];
		struct tm_err err;

		if (function->skipped || !tm_recorder_allocates(function->kind))
			continue;
		give |= function->kind != TM_HOOK_FREE;
		fit &= inject_can_hook(in, function, &err);
	}
	if (give && (!fit || functions->noperators++ >= MOST)) {
		inject_note_missed(functions, "operator new");
		return false;
	}
	return give;
}

void inject_settle_operators(struct tm_injection *in, const struct tm_maps *maps,
			     const struct tm_image *image, struct tm_functions *functions,
			     size_t from)
{
	size_t kept = from;
	struct code code;
	bool all;

	/* Most images have none, and our hooks would be read for each. */
	if (from == functions->n)
		return;
	code = code_of(in, maps);
	for (size_t i = from; i < functions->n; i++) {
		struct tm_function *function = &functions->items[i];

		settle(&code, image, tm_function_variant(functions->items + from,
							functions->n - from, function),
		       function);
		if (function->skipped && !is_of_malloc(&code, image, functions, from, function))
			inject_note_missed(functions, function->name);
	}
	all = are_worth_it(in, functions, from);
	for (size_t i = from; i < functions->n; i++)
		if (!functions->items[i].skipped &&
		    (all || !tm_recorder_allocates(functions->items[i].kind)))
			functions->items[kept++] = functions->items[i];
	functions->n = kept;
	free(code.patches);
}
