#include "native/modules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/search.h"

static const char deleted_mark[] = " (deleted)";

void native_modules_init(struct native_modules *modules, pid_t pid,
			 struct tm_mem *mem)
{
	*modules = (struct native_modules){ .pid = pid, .mem = mem };
}

void native_modules_deinit(struct native_modules *modules)
{
	for (size_t i = 0; i < modules->nall; i++) {
		tm_image_free(&modules->all[i]->image);
		free(modules->all[i]->path);
		free(modules->all[i]);
	}
	free(modules->all);
	free(modules->now);
	*modules = (struct native_modules){ 0 };
}

static bool may_start_image(const struct tm_region *region)
{
	if (strcmp(region->path, "[vdso]") == 0)
		return true;
	return region->offset == 0 && region->inode != 0 && region->readable &&
	       region->path[0] == '/';
}

static bool is_deleted(const char *path, size_t *ret_len)
{
	size_t len = strlen(path), mark = sizeof(deleted_mark) - 1;

	*ret_len = len;
	if (len <= mark || strcmp(path + len - mark, deleted_mark) != 0)
		return false;
	*ret_len = len - mark;
	return true;
}

static bool is_same(const struct native_module *module,
		    const struct tm_region *region)
{
	size_t len;

	is_deleted(region->path, &len);
	return module->start == region->start && module->end == region->end &&
	       module->inode == region->inode &&
	       module->dev_major == region->dev_major &&
	       module->dev_minor == region->dev_minor &&
	       strlen(module->path) == len &&
	       memcmp(module->path, region->path, len) == 0;
}

static struct native_module *add(struct native_modules *modules,
				 const struct tm_region *region)
{
	struct native_module *module = tm_calloc(1, sizeof(*module));
	size_t len;

	module->deleted = is_deleted(region->path, &len);
	module->path = tm_asprintf("%.*s", (int)len, region->path);
	module->start = region->start;
	module->end = region->end;
	module->dev_major = region->dev_major;
	module->dev_minor = region->dev_minor;
	module->inode = region->inode;
	modules->all = tm_grow(modules->all, &modules->cap, modules->nall + 1,
			       sizeof(struct native_module *));
	modules->all[modules->nall++] = module;
	return module;
}

/* Both lists are in address order, so that one pass pairs them up. */
static struct native_module *known(struct native_module **old, size_t nold,
				   size_t *at, const struct tm_region *region)
{
	while (*at < nold && old[*at]->start < region->start)
		++*at;
	if (*at < nold && is_same(old[*at], region))
		return old[*at];
	return NULL;
}

bool native_modules_update(struct native_modules *modules,
			   const struct tm_maps *maps)
{
	struct native_module **old = modules->now;
	size_t nold = modules->nnow, at = 0, cap = 0, kept = 0;

	modules->updates++;
	modules->now = NULL;
	modules->nnow = 0;
	for (size_t i = 0; i < nold; i++)
		old[i]->mapped = false;
	for (size_t i = 0; i < maps->n; i++) {
		const struct tm_region *region = &maps->regions[i];
		struct native_module *module;

		if (!may_start_image(region))
			continue;
		module = known(old, nold, &at, region);
		if (module)
			kept++;
		else
			module = add(modules, region);
		module->mapped = true;
		modules->now = tm_grow(modules->now, &cap, modules->nnow + 1,
				       sizeof(struct native_module *));
		modules->now[modules->nnow++] = module;
	}
	free(old);
	return kept != nold || kept != modules->nnow;
}

static void print_build_id(struct native_module *module)
{
	for (size_t i = 0; i < module->image.build_id_len; i++)
		snprintf(module->build_id + 2 * i, 3, "%02x",
			 module->image.build_id[i]);
}

struct native_module *native_modules_remember(struct native_modules *modules,
					      const struct native_remembered *what)
{
	struct native_module *module = tm_calloc(1, sizeof(*module));

	module->path = tm_strdup(what->path);
	module->state = NATIVE_READ;
	module->remembered = true;
	module->unchanged_ns = what->unchanged_ns;
	module->image.path = module->path;
	module->image.bias = what->bias;
	if (what->build_id_len && what->build_id_len <= sizeof(module->image.build_id)) {
		module->image.build_id_len = what->build_id_len;
		memcpy(module->image.build_id, what->build_id, what->build_id_len);
	}
	print_build_id(module);
	modules->all = tm_grow(modules->all, &modules->cap, modules->nall + 1,
			       sizeof(struct native_module *));
	modules->all[modules->nall++] = module;
	return module;
}

bool native_module_read(struct native_modules *modules,
			struct native_module *module)
{
	struct tm_region region = {
		.start = module->start, .end = module->end,
		.inode = module->inode, .path = module->path,
	};
	struct tm_err err;

	if (module->state == NATIVE_UNREAD) {
		if (!module->mapped)
			return false;
		module->state = tm_image_read(modules->mem, &region,
					      &module->image, &err)
			? NATIVE_READ : NATIVE_NO_IMAGE;
		module->image.first = NULL;
		print_build_id(module);
	}
	return module->state == NATIVE_READ;
}

void native_modules_read_all(struct native_modules *modules)
{
	for (size_t i = 0; i < modules->nnow; i++) {
		modules->now[i]->unproved |= modules->now[i]->state == NATIVE_UNREAD;
		native_module_read(modules, modules->now[i]);
	}
}

void native_modules_prove(struct native_modules *modules, bool right)
{
	for (size_t i = 0; i < modules->nnow; i++) {
		struct native_module *module = modules->now[i];

		if (module->unproved && !right) {
			tm_image_free(&module->image);
			module->image = (struct tm_image){ 0 };
			module->build_id[0] = 0;
			module->state = NATIVE_UNREAD;
		}
		module->unproved = false;
	}
}

struct native_module *native_modules_find(struct native_modules *modules,
					  tm_addr at)
{
	size_t lo = TM_LOWER_BOUND(modules->nnow, i, modules->now[i]->start <= at);

	/* Plain data files may be mapped inside an image's span. */
	for (size_t i = lo, tries = 0; i-- > 0 && tries < 8; tries++)
		if (native_module_read(modules, modules->now[i]) &&
		    tm_image_holds(&modules->now[i]->image, at, PF_X))
			return modules->now[i];
	return NULL;
}
