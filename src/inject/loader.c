/*
 * What the recorder needs to see by itself which modules come and go: abi_loader.h.
 * The list of the loader is the debuggers' (<link.h>); where a struct link_map has the
 * program headers is the loader's own business, and found by those of the modules that
 * are there: glibc and musl keep all of them at one place.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/load.h"
#include "base/log.h"
#include "inject/private.h"
#include "inject/records.h"

enum { LINK_BYTES = 1536, LINK_HEAD = 40, MAX_LINKS = 64, ENOUGH_LINKS = 2 };

/* A link map that is known, and what it says somewhere. */
struct link {
	uint8_t bytes[LINK_BYTES];
	size_t len;
	uint64_t phdr;
	uint16_t nphdrs;
};

struct links {
	struct link *items;
	size_t n;
};

static bool read_link(struct tm_injection *in, const struct tm_image *image, tm_addr at,
		      struct link *ret)
{
	Elf64_Ehdr head;

	ret->len = tm_mem_read_some(in->mem, at, ret->bytes, sizeof(ret->bytes));
	if (ret->len < LINK_HEAD ||
	    tm_mem_read_some(in->mem, image->first->start, &head, sizeof(head)) != sizeof(head))
		return false;
	ret->phdr = image->first->start + head.e_phoff;
	ret->nphdrs = head.e_phnum;
	return true;
}

static void read_links(struct tm_injection *in, const struct tm_maps *maps,
		       const struct tm_loaded *loaded, struct links *ret)
{
	for (size_t i = 0; i < maps->n && ret->n < MAX_LINKS; i++) {
		TM_GUARD(tm_image_free) struct tm_image image = { 0 };
		struct tm_err err;

		if (!inject_may_be_image(&maps->regions[i]) ||
		    !tm_image_read(in->mem, &maps->regions[i], &image, &err) || !image.dynamic)
			continue;
		for (size_t k = 0; k < loaded->n; k++)
			if (loaded->dynamics[k] == image.dynamic) {
				ret->n += read_link(in, &image, loaded->links[k],
						    &ret->items[ret->n]);
				break;
			}
	}
}

static bool all_have_phdr(const struct links *links, size_t at)
{
	for (size_t i = 0; i < links->n; i++)
		if (at + 8 > links->items[i].len ||
		    tm_load_u64(links->items[i].bytes, at) != links->items[i].phdr)
			return false;
	return true;
}

static bool all_have_count(const struct links *links, size_t at)
{
	for (size_t i = 0; i < links->n; i++)
		if (at + 2 > links->items[i].len ||
		    tm_load_u16(links->items[i].bytes, at) != links->items[i].nphdrs)
			return false;
	return true;
}

/* Behind the headers: musl has the number, glibc the entry point and then it. */
static bool find_places(const struct links *links, uint32_t *ret_phdr, uint32_t *ret_phnum)
{
	size_t found = 0;

	for (size_t at = LINK_HEAD; links->n >= ENOUGH_LINKS && at + 8 <= LINK_BYTES; at += 8) {
		if (!all_have_phdr(links, at))
			continue;
		found++;
		*ret_phdr = (uint32_t)at;
		*ret_phnum = (uint32_t)at + (all_have_count(links, at + 8) ? 8 : 16);
	}
	return found == 1 && all_have_count(links, *ret_phnum);
}

static bool try_to_know(struct tm_injection *in)
{
	TM_GUARD(tm_maps_free) struct tm_maps maps = { 0 };
	TM_GUARD(tm_loaded_free) struct tm_loaded loaded = { 0 };
	TM_GUARD(tm_free_ptr) struct link *items = tm_calloc(MAX_LINKS, sizeof(*items));
	struct links links = { .items = items };
	struct tm_err ignored;

	if (!tm_maps_read(in->process.pid, &maps, &ignored))
		return false;
	tm_loaded_read(in->mem, &maps, in->process.pid, &loaded);
	read_links(in, &maps, &loaded, &links);
	if (!find_places(&links, &in->loader.phdr_at, &in->loader.phnum_at)) {
		tm_log("%zu link maps do not tell where program headers are", links.n);
		return false;
	}
	in->loader.debug = loaded.debug;
	return true;
}

/* One that is just coming or going contradicts the others. */
void inject_loader_know(struct tm_injection *in, const struct tm_loaded *loaded)
{
	enum { TRIES = 40 };

	/* Later on it is in the table. */
	if (!loaded->debug || in->head.nnear)
		return;
	in->loader.is_there = true;
	for (unsigned i = 0; i < TRIES && !try_to_know(in); i++)
		inject_pause(i);
}

bool inject_can_be_hooked(struct tm_injection *in, tm_addr at, const char *name)
{
	enum { LEN = 16 };
	uint8_t bytes[LEN];
	struct tm_trampoline ignored;
	const char *refused = "it cannot be read";
	size_t landing;

	if (tm_mem_read_some(in->mem, at, bytes, LEN) == LEN) {
		landing = tm_landing_len(bytes, LEN);
		refused = tm_trampoline_make(bytes + landing, LEN - landing, at + landing,
					     at, &ignored);
	}
	if (refused)
		tm_log("%s() cannot be hooked: %s", name, refused);
	return !refused;
}

void inject_loader_take(struct tm_injection *in, const struct tm_loaded *loaded,
			const struct tm_image *image, struct tm_functions *functions)
{
	if (!loaded->brk || !tm_image_holds(image, loaded->brk, PF_X))
		return;
	in->loader.is_hooked = in->loader.debug &&
			       inject_can_be_hooked(in, loaded->brk, "_dl_debug_state");
	if (!in->loader.is_hooked)
		return;
	tm_functions_add(functions, &(struct tm_function){
		.name = "_dl_debug_state", .kind = TM_HOOK_LOADER,
		.address = loaded->brk, .module = image->whole.start,
	});
}

bool tm_inject_is_blind(const struct tm_injection *in)
{
	return in->loader.is_there && !in->loader.is_hooked;
}

/* ---- what is there at the start ------------------------------------------------------- */

/* As the hook computes it. */
static void find_code(const struct tm_image *image, struct tm_recorder_loaded *ret)
{
	ret->start = UINT64_MAX;
	for (size_t i = 0; i < image->nsegments; i++) {
		if (!(image->flags[i] & PF_X))
			continue;
		if (image->segments[i].start < ret->start)
			ret->start = image->segments[i].start;
		if (image->segments[i].end > ret->end)
			ret->end = image->segments[i].end;
	}
}

static bool is_listed(const struct tm_loaded *loaded, const struct tm_image *image)
{
	for (size_t i = 0; i < loaded->n; i++)
		if (image->dynamic && loaded->dynamics[i] == image->dynamic)
			return true;
	return false;
}

/* Its path without what the kernel adds. */
static void take_name(struct inject_initial *initial, const char *path,
		      struct tm_recorder_loaded *ret)
{
	static const char mark[] = " (deleted)";
	size_t len = strlen(path), end = len - (sizeof(mark) - 1);

	ret->is_deleted = len >= sizeof(mark) && strcmp(path + end, mark) == 0;
	len = ret->is_deleted ? end : len;
	if (len >= TM_LOADER_MAX_NAME)
		return;
	ret->name = initial->names.len + 1; /* made an offset when all are known */
	tm_buf_add(&initial->names, path, len);
	tm_buf_add(&initial->names, "", 1);
}

void inject_initial_add(struct inject_initial *initial, const struct tm_image *image)
{
	struct tm_recorder_loaded record = {
		.bias = image->bias, .state = TM_LOADED_HERE,
		.listed = is_listed(&initial->loaded, image),
	};

	find_code(image, &record);
	if (record.start >= record.end || initial->n + 1 >= TM_LOADER_MODULES)
		return;
	if (image->build_id_len <= sizeof(record.build_id)) {
		record.build_id_len = (uint8_t)image->build_id_len;
		memcpy(record.build_id, image->build_id, image->build_id_len);
	}
	take_name(initial, image->path, &record);
	initial->records = tm_grow(initial->records, &initial->cap, initial->n + 2,
				   sizeof(*initial->records));
	initial->records[0] = (struct tm_recorder_loaded){ 0 };
	initial->records[++initial->n] = record;
}

static int by_start(const void *a, const void *b)
{
	const struct tm_recorder_loaded *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/* Before anything is recorded: the hook finds a whole list. */
static void put_together(struct tm_injection *in, const struct tm_recorder_table *table,
			 struct inject_initial *initial, struct tm_recorder_loader *ret)
{
	const uint64_t area = table->loader + sizeof(*ret);
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	*ret = (struct tm_recorder_loader){
		.debug = in->loader.is_hooked ? in->loader.debug : 0, .phdr_at = in->loader.phdr_at,
		.phnum_at = in->loader.phnum_at, .ninitial = (uint32_t)initial->n,
		.area = area, .area_size = table->journal - area,
		.started_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec,
		.nmodules = (uint32_t)initial->n, .nhere = (uint32_t)initial->n,
		.tail = (initial->names.len + 7) / 8 * 8,
	};
	for (size_t i = 1; i <= initial->n; i++) {
		if (initial->records[i].name)
			initial->records[i].name += area - 1;
		ret->index[i - 1] = (uint16_t)i;
		ret->modules[i] = initial->records[i];
	}
}

bool inject_initial_write(struct tm_injection *in, const struct tm_recorder_table *table,
			  struct inject_initial *initial, struct tm_err *err)
{
	TM_GUARD(tm_free_ptr) struct tm_recorder_loader *loader = tm_calloc(1, sizeof(*loader));

	if (initial->n)
		qsort(initial->records + 1, initial->n, sizeof(*initial->records), by_start);
	put_together(in, table, initial, loader);
	if (initial->names.len > loader->area_size)
		return tm_err_set(err, TM_ERR_LIMIT, in->process.object,
				  "no room for the names of its modules in the recorder's table");
	return inject_poke_table(in, table->loader, loader,
				 offsetof(struct tm_recorder_loader, modules) +
				 (initial->n + 1) * sizeof(loader->modules[0]), err) &&
	       inject_poke_table(in, loader->area, initial->names.data, initial->names.len, err);
}

void inject_initial_free(struct inject_initial *initial)
{
	tm_loaded_free(&initial->loaded);
	free(initial->records);
	tm_buf_free(&initial->names);
	*initial = (struct inject_initial){ 0 };
}

/* The number of the module that is here with this code; 0: none. */
static size_t number_at(const struct tm_recorder_loader *loader, tm_addr at)
{
	for (size_t i = 1; i <= loader->nmodules && i < TM_LOADER_MODULES; i++) {
		const struct tm_recorder_loaded *module = &loader->modules[i];

		if (module->state == TM_LOADED_HERE && at >= module->start && at < module->end)
			return i;
	}
	return 0;
}

void inject_loader_hooked_late(struct tm_injection *in, const struct tm_functions *functions)
{
	TM_GUARD(tm_free_ptr) struct tm_recorder_loader *loader = tm_calloc(1, sizeof(*loader));
	struct tm_recorder_table table;
	const uint8_t late = 1;
	struct tm_err ignored;

	if (!inject_peek_table(in, 0, &table, sizeof(table), &ignored) ||
	    !inject_table_valid(&table, in->head.table_size) ||
	    !inject_peek_table(in, table.loader, loader, sizeof(*loader), &ignored))
		return;
	for (size_t i = 0; i < functions->n; i++) {
		size_t number = number_at(loader, functions->items[i].address);

		if (number && !loader->modules[number].hooked_late) {
			loader->modules[number].hooked_late = 1;
			inject_poke_table(in, table.loader +
					  offsetof(struct tm_recorder_loader, modules[number].hooked_late),
					  &late, sizeof(late), &ignored);
		}
	}
}

uint32_t inject_loader_changes(struct tm_injection *in)
{
	uint32_t changes = 0;
	struct tm_err ignored;

	inject_peek_table(in, offsetof(struct tm_recorder_table, changes), &changes,
			  sizeof(changes), &ignored);
	return changes;
}
