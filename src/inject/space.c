#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/guard.h"
#include "base/log.h"
#include "base/map.h"
#include "image/loaded.h"
#include "inject/private.h"
#include "inject/records.h"

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

static void known_free(struct known *known)
{
	free(known->modules);
}

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

/* What is appended to the unwind area, as one piece: offsets of what is in it count from
 * its start until it has a place. */
struct piece {
	struct tm_recorder_space space;
	struct tm_buf bytes;   /* rows, then stacks and modules */
	struct tm_buf modules; /* struct tm_recorder_module, */
	struct tm_buf is_new;  /* and for each a byte: its rows are in the piece */
	struct tm_buf stacks;
	uint64_t room;         /* for rows */
};

static void piece_free(struct piece *piece)
{
	tm_buf_free(&piece->bytes);
	tm_buf_free(&piece->modules);
	tm_buf_free(&piece->is_new);
	tm_buf_free(&piece->stacks);
}

static uint64_t put(struct piece *piece, const void *bytes, size_t len)
{
	static const char zeroes[64];
	uint64_t at = piece->bytes.len;

	tm_buf_add(&piece->bytes, bytes, len);
	tm_buf_add(&piece->bytes, zeroes, (64 - len % 64) % 64);
	return at;
}

/* Rows that another module of the same file has, or new ones; none if there is no room for
 * them: stacks end at such a module, and are marked as cut. */
static bool take_rows(struct tm_injection *in, struct piece *piece, const struct known *known,
		      const struct tm_image *image, struct tm_recorder_module *module)
{
	const struct tm_recorder_module *same = find_known(known, module->id);
	TM_GUARD(tm_free_ptr) struct tm_recorder_row *rows = NULL;
	size_t n;

	if (same) {
		module->rows = same->rows;
		module->nrows = same->nrows;
		return false;
	}
	rows = inject_rows(&in->process, in->mem, image, &n);
	if (n * sizeof(*rows) + 64 > piece->room) {
		tm_log("no room in the table for %zu unwind rows of %s", n, image->path);
		return false;
	}
	piece->room -= n * sizeof(*rows) + 64;
	module->rows = put(piece, rows, n * sizeof(*rows));
	module->nrows = n;
	return true;
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

static void add_modules(struct tm_injection *in, struct piece *piece, const struct known *known,
			const struct tm_maps *maps, const struct tm_region *region,
			struct inject_initial *initial)
{
	TM_GUARD(tm_image_free) struct tm_image image = { 0 };
	struct tm_recorder_module module = { 0 };
	char is_new;

	if (!read_code(in, maps, region, &image))
		return;
	if (initial)
		inject_initial_add(initial, &image);
	module.id = identity(region, &image);
	in->published = with_image(in->published, region, module.id);
	module.bias = image.bias;
	is_new = take_rows(in, piece, known, &image, &module);
	for (size_t i = 0; i < image.nsegments; i++) {
		if (!(image.flags[i] & PF_X))
			continue;
		module.start = image.segments[i].start;
		module.end = image.segments[i].end;
		if (piece->is_new.len == MAX_MODULES)
			continue;
		tm_buf_add(&piece->modules, &module, sizeof(module));
		tm_buf_add(&piece->is_new, &is_new, 1);
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

/* Give it the place. */
static void settle(struct piece *piece, uint64_t at)
{
	struct tm_recorder_module *modules = (void *)piece->modules.data;
	struct tm_recorder_space *space = &piece->space;

	space->nmodules = (uint32_t)piece->is_new.len;
	for (uint32_t i = 0; i < space->nmodules; i++)
		if (piece->is_new.data[i])
			modules[i].rows += at;
	if (space->nmodules > 0)
		qsort(modules, space->nmodules, sizeof(*modules), by_start);
	space->stacks = at + put(piece, piece->stacks.data, piece->stacks.len);
	space->modules = at + put(piece, modules, piece->modules.len);
}

static uint64_t size_of(const struct piece *piece)
{
	return piece->bytes.len + piece->stacks.len + piece->modules.len + sizeof(piece->space) +
	       4 * 64;
}

/* What modules and stacks leave of the area. */
static uint64_t room_for_rows(const struct tm_recorder_table *table, const struct tm_maps *maps,
			      const struct piece *piece)
{
	const uint64_t end = table->unwind + table->unwind_size;
	const uint64_t others = size_of(piece) + maps->n * sizeof(struct tm_recorder_module) + 64;

	return table->unwind_tail < end && others < end - table->unwind_tail
		? end - table->unwind_tail - others : 0;
}

/* Written behind all that is there now, whoever has written it: in two steps, of which the
 * second makes it valid. */
static bool append(struct tm_injection *in, struct tm_recorder_table *table,
		   struct piece *piece, struct tm_err *err)
{
	const uint64_t at = (table->unwind_tail + 63) / 64 * 64, size = size_of(piece);
	const uint64_t end = table->unwind + table->unwind_size;

	if (at > end || size > end - at)
		return tm_err_set(err, TM_ERR_LIMIT, in->process.object,
				  "no room for more unwind rows in the recorder's table");
	settle(piece, at);
	table->space = at + put(piece, &piece->space, sizeof(piece->space));
	table->unwind_tail = at + piece->bytes.len;
	return inject_poke_table(in, at, piece->bytes.data, piece->bytes.len, err) &&
	       inject_poke_table(in, offsetof(struct tm_recorder_table, space),
				 &table->space, 2 * sizeof(uint64_t), err);
}

static bool read_table(struct tm_injection *in, struct tm_recorder_table *ret,
		       struct tm_err *err)
{
	return inject_peek_table(in, 0, ret, sizeof(*ret), err) &&
	       (inject_table_valid(ret, in->head.table_size) ||
		tm_err_set(err, TM_ERR_CORRUPT, in->process.object,
			   "the recorder's table is damaged"));
}

/* Nobody else knows of a table with which nothing is recorded yet. */
static bool publish(struct tm_injection *in, enum inject_publishes how, struct piece *piece,
		    struct tm_err *err)
{
	TM_GUARD(tm_stop_guard) struct tm_stop stop = { 0 };
	TM_GUARD(known_free) struct known known = { 0 };
	struct tm_recorder_table table;

	if ((how == INJECT_GOES_ON && !inject_stand(in, &stop, NULL, err)) ||
	    !read_table(in, &table, err))
		return false;
	read_known(in, &table, &known);
	return append(in, &table, piece, err) &&
	       (!any_gone(&known, &piece->modules) || forget_cached_rows(in, &table, err));
}

bool inject_publish_space(struct tm_injection *in, const struct tm_maps *maps,
			  enum inject_publishes how, struct tm_err *err)
{
	struct tm_recorder_table table;
	TM_GUARD(inject_initial_free) struct inject_initial initial = { 0 };
	TM_GUARD(piece_free) struct piece piece = { .space.changes = in->changes_seen };
	TM_GUARD(known_free) struct known known = { 0 };

	if (!read_table(in, &table, err))
		return false;
	read_known(in, &table, &known);
	if (how == INJECT_BEGINS)
		tm_loaded_read(in->mem, maps, in->process.pid, &initial.loaded);
	add_stacks(maps, &piece.space, &piece.stacks);
	piece.room = room_for_rows(&table, maps, &piece);
	in->published = 0;
	for (size_t i = 0; i < maps->n; i++)
		add_modules(in, &piece, &known, maps, &maps->regions[i],
			    how == INJECT_BEGINS ? &initial : NULL);
	return (how == INJECT_GOES_ON || inject_initial_write(in, &table, &initial, err)) &&
	       publish(in, how, &piece, err);
}
