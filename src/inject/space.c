#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/guard.h"
#include "base/map.h"
#include "image/loaded.h"
#include "inject/private.h"

enum { MAX_MODULES = 4096, MAX_STACKS = 65536 };

/* The same file at any address has the same id; one that was written anew has not. */
static uint64_t identity(const struct tm_region *region, const struct tm_image *image)
{
	uint64_t device = (uint64_t)region->dev_major << 32 | region->dev_minor;
	uint64_t id = tm_hash_u64(region->inode ^ tm_hash_u64(device + region->offset +
							      (region->inode == 0)));

	for (size_t i = 0; i < image->build_id_len; i++)
		id = tm_hash_u64(id ^ image->build_id[i]);
	return id;
}

struct known {
	struct tm_recorder_space head;
	struct tm_recorder_module *modules;
};

static void read_known(struct tm_injection *in, const struct tm_recorder_table *table,
		       struct known *ret)
{
	struct tm_err err;

	*ret = (struct known){ 0 };
	if (!table->space ||
	    !inject_peek_table(in, table->space, &ret->head, sizeof(ret->head), &err) ||
	    ret->head.nmodules > MAX_MODULES) {
		ret->head.nmodules = 0;
		return;
	}
	ret->modules = tm_calloc(ret->head.nmodules + 1, sizeof(*ret->modules));
	if (!inject_peek_table(in, ret->head.modules, ret->modules,
			       ret->head.nmodules * sizeof(*ret->modules), &err))
		ret->head.nmodules = 0;
}

static const struct tm_recorder_module *find_known(const struct known *known,
						   uint64_t id)
{
	for (uint32_t i = 0; i < known->head.nmodules; i++)
		if (known->modules[i].id == id)
			return &known->modules[i];
	return NULL;
}

/* Append to the unwind area; 0 if it is full. */
static uint64_t append(struct tm_injection *in, struct tm_recorder_table *table,
		       const void *bytes, size_t len)
{
	uint64_t at = table->unwind_tail;
	uint64_t end = table->unwind + table->unwind_size;
	struct tm_err err;

	/* The tail was rounded up: it is past the end if the area is full. */
	if (at > end || len > end - at ||
	    !inject_poke_table(in, at, bytes, len, &err))
		return 0;
	table->unwind_tail = at + (len + 63) / 64 * 64;
	return at;
}

/* Rows that another module of the same file has, or new ones. */
static void take_rows(struct tm_injection *in, struct tm_recorder_table *table,
		      const struct known *known, const struct tm_image *image,
		      struct tm_recorder_module *module)
{
	const struct tm_recorder_module *same = find_known(known, module->id);
	TM_GUARD(tm_free_ptr) struct tm_recorder_row *rows = NULL;
	size_t n;

	if (same) {
		module->rows = same->rows;
		module->nrows = same->nrows;
		return;
	}
	rows = inject_rows(&in->process, in->mem, image, &n);
	module->rows = append(in, table, rows, n * sizeof(*rows));
	module->nrows = module->rows ? n : 0;
}

static bool is_image(const struct tm_region *region)
{
	return region->readable && region->offset == 0 &&
	       ((region->path[0] == '/' && strncmp(region->path, "/dev/", 5) != 0 &&
		 !inject_is_ours(region, "")) ||
		strcmp(region->path, "[vdso]") == 0);
}

static bool read_code(struct tm_injection *in, const struct tm_maps *maps,
		      const struct tm_region *region, struct tm_image *ret)
{
	struct tm_err ignored;

	return is_image(region) && tm_image_read_head(in->mem, region, ret, &ignored) &&
	       tm_image_is_executable(ret, maps);
}

static uint64_t with_image(uint64_t hash, const struct tm_region *region, uint64_t id)
{
	return tm_hash_u64(hash ^ tm_hash_u64(region->start)) ^ id;
}

uint64_t inject_images_hash(struct tm_injection *in, const struct tm_maps *maps)
{
	uint64_t hash = 0;

	for (size_t i = 0; i < maps->n; i++) {
		TM_GUARD(tm_image_free) struct tm_image image = { 0 };

		if (read_code(in, maps, &maps->regions[i], &image))
			hash = with_image(hash, &maps->regions[i],
					  identity(&maps->regions[i], &image));
	}
	return hash;
}

static void add_modules(struct tm_injection *in, struct tm_recorder_table *table,
			const struct known *known, const struct tm_maps *maps,
			const struct tm_region *region, struct tm_buf *modules,
			struct inject_initial *initial)
{
	TM_GUARD(tm_image_free) struct tm_image image = { 0 };
	struct tm_recorder_module module = { 0 };

	if (!read_code(in, maps, region, &image))
		return;
	if (initial)
		inject_initial_add(initial, &image);
	module.id = identity(region, &image);
	in->published = with_image(in->published, region, module.id);
	module.bias = image.bias;
	take_rows(in, table, known, &image, &module);
	for (size_t i = 0; i < image.nsegments; i++) {
		if (!(image.flags[i] & PF_X))
			continue;
		module.start = image.segments[i].start;
		module.end = image.segments[i].end;
		if (modules->len / sizeof(module) < MAX_MODULES)
			tm_buf_add(modules, &module, sizeof(module));
	}
}

/* Where stacks may be: writable memory that is not a file's. */
static void add_stacks(const struct tm_maps *maps, struct tm_recorder_space *space,
		       struct tm_buf *stacks)
{
	for (size_t i = 0; i < maps->n; i++) {
		const struct tm_region *region = &maps->regions[i];
		struct tm_recorder_range range = { region->start,
						   region->end - region->start };

		if (strcmp(region->path, "[stack]") == 0)
			space->main_stack = region->end;
		if (!region->writable || !region->readable || region->shared ||
		    region->inode || space->nstacks == MAX_STACKS)
			continue;
		tm_buf_add(stacks, &range, sizeof(range));
		space->nstacks++;
	}
}

static int by_start(const void *a, const void *b)
{
	const struct tm_recorder_module *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/* Was there a module that is gone now? Its rows may be cached. */
static bool any_gone(const struct known *known, const struct tm_buf *modules)
{
	const struct tm_recorder_module *now = (const void *)modules->data;
	size_t n = modules->len / sizeof(*now);

	for (uint32_t i = 0; i < known->head.nmodules; i++) {
		size_t k = 0;

		while (k < n && (now[k].start != known->modules[i].start ||
				 now[k].id != known->modules[i].id))
			k++;
		if (k == n)
			return true;
	}
	return false;
}

static bool forget_cached_rows(struct tm_injection *in,
			       const struct tm_recorder_table *table,
			       struct tm_err *err)
{
	TM_GUARD(tm_free_ptr) char *zeroes = tm_calloc(8, 1u << TM_RECORDER_CACHE_LOG2);

	return inject_poke_table(in, table->cache, zeroes,
				 8u << TM_RECORDER_CACHE_LOG2, err);
}

static bool publish(struct tm_injection *in, struct tm_recorder_table *table,
		    struct tm_recorder_space *space, struct tm_buf *modules,
		    const struct tm_buf *stacks, struct tm_err *err)
{
	if (space->nmodules > 0)
		qsort(modules->data, space->nmodules, sizeof(struct tm_recorder_module), by_start);
	space->stacks = append(in, table, stacks->data, stacks->len);
	space->modules = append(in, table, modules->data, modules->len);
	table->space = append(in, table, space, sizeof(*space));
	if (!space->stacks || !space->modules || !table->space)
		return tm_err_set(err, TM_ERR_LIMIT, in->process.object,
				  "no room for more unwind rows in the recorder's table");
	return inject_poke_table(in, offsetof(struct tm_recorder_table, space),
				 &table->space, 2 * sizeof(uint64_t), err);
}

bool inject_publish_space(struct tm_injection *in, const struct tm_maps *maps,
			  enum inject_publishes how, struct tm_err *err)
{
	struct tm_recorder_table table;
	struct tm_recorder_space space = { .changes = in->changes_seen };
	TM_GUARD(inject_initial_free) struct inject_initial initial = { 0 };
	TM_GUARD(tm_buf_free) struct tm_buf modules = { 0 };
	TM_GUARD(tm_buf_free) struct tm_buf stacks = { 0 };
	struct known known;
	bool ok;

	if (!inject_peek_table(in, 0, &table, sizeof(table), err))
		return false;
	if (!inject_table_valid(&table, in->head.table_size))
		return tm_err_set(err, TM_ERR_CORRUPT, in->process.object,
				  "the recorder's table is damaged");
	read_known(in, &table, &known);
	if (how == INJECT_BEGINS)
		tm_loaded_read(in->mem, maps, in->process.pid, &initial.loaded);
	in->published = 0;
	for (size_t i = 0; i < maps->n; i++)
		add_modules(in, &table, &known, maps, &maps->regions[i], &modules,
			    how == INJECT_BEGINS ? &initial : NULL);
	space.nmodules = (uint32_t)(modules.len / sizeof(struct tm_recorder_module));
	add_stacks(maps, &space, &stacks);
	ok = (how == INJECT_GOES_ON || inject_initial_write(in, &table, &initial, err)) &&
	     publish(in, &table, &space, &modules, &stacks, err) &&
	     (!any_gone(&known, &modules) || forget_cached_rows(in, &table, err));
	free(known.modules);
	return ok;
}
