/*
 * Bringing hooks into a process: in one short stop memory is mapped and the
 * recorder written, in a second one the functions are patched. Between the two,
 * while the target runs, everything costly is done.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "arch/arch.h"
#include "base/alloc.h"
#include "base/guard.h"
#include "base/log.h"
#include "image/loaded.h"
#include "inject/private.h"
#include "inject/records.h"
#include "inject/recorder_image.h"

enum { PLACES = 8, MAX_TRIES = 400 };

/* Functions of one image stand together: [first, ret) is the first group. Those that
 * were named are one of their own: they may call the others, and the recorder goes by
 * the number of areas. */
static size_t group_end(const struct tm_functions *functions, size_t first)
{
	const struct tm_function *a = &functions->items[first];
	size_t i = first;

	while (i < functions->n && functions->items[i].module == a->module &&
	       functions->items[i].given == a->given)
		i++;
	return i;
}

/* The loader's function is hooked, too, and those that map memory, but give out no blocks. */
static bool group_allocates(const struct tm_functions *functions, size_t first)
{
	for (size_t i = first; i < group_end(functions, first); i++)
		if (tm_recorder_allocates(functions->items[i].kind))
			return true;
	return false;
}

/* Map an area near the functions of one image, at the first place that the
 * kernel lets us have. */
static bool map_near(struct tm_injection *in, struct tm_remote *remote,
		     const struct tm_maps *maps, tm_addr module, struct tm_err *err)
{
	struct inject_mapping what = {
		.file_name = TM_RECORDER_NEAR_NAME,
		.size = INJECT_NEAR_SIZE,
		.prot = PROT_READ | PROT_EXEC,
		.flags = MAP_PRIVATE,
	};
	tm_addr places[PLACES], at;
	size_t n = inject_places(maps, module, places, PLACES);

	for (size_t i = 0; i < n; i++) {
		what.at = places[i];
		if (inject_map(in, remote, &what, in->head.gate + TM_RECORDER_GATE_SCRATCH,
			       &at, NULL, err)) {
			in->head.near[in->head.nnear++] =
				(struct tm_recorder_range){ at, INJECT_NEAR_SIZE };
			return true;
		}
		/* Occupied meanwhile is one place; whatever else will be the
		 * same at the next. */
		if (err->sys_errno != EEXIST && err->sys_errno != ENOMEM)
			return false;
	}
	if (n > 0 && err->sys_errno != EEXIST)
		return false;
	return tm_err_set(err, TM_ERR_UNSUPPORTED, in->process.object,
			  "no free address near its allocator");
}

/* One near area per image, in the order of the functions. */
bool inject_map_nears(struct tm_injection *in, struct tm_remote *remote,
		      const struct tm_maps *maps,
		      const struct tm_functions *functions, struct tm_err *err)
{
	for (size_t i = 0; i < functions->n; i = group_end(functions, i)) {
		if (in->head.nnear == TM_RECORDER_MAX_NEAR)
			return tm_err_set(err, TM_ERR_LIMIT, in->process.object,
					  "more than %d modules define malloc",
					  TM_RECORDER_MAX_NEAR);
		if (!map_near(in, remote, maps, functions->items[i].module, err))
			return false;
		in->head.nallocators += group_allocates(functions, i);
	}
	/* With several the recorder notes which call a thread is in. So it does where stacks
	 * do not tell that the only one maps memory. */
	if (functions->maps && !functions->glibc && in->head.nallocators == 1)
		in->head.nallocators = 2;
	in->head.notes_frees |= functions->maps;
	return true;
}

bool inject_write_head(struct tm_injection *in, pid_t tid, struct tm_err *err)
{
	return inject_poke(in, tid, in->code, &in->head, sizeof(in->head), err);
}

/* The bytes that patching changes, the first of each function aside: a thread
 * may stand before a jump, not inside it. */
static size_t windows(const struct inject_plan *plans, size_t nplans,
		      struct tm_range *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < nplans; i++)
		for (size_t k = 0; k < plans[i].npatches; k++)
			ret[n++] = (struct tm_range){
				plans[i].patches[k].function + 1,
				plans[i].patches[k].function +
					plans[i].patches[k].length,
			};
	return n;
}

bool inject_write_code(struct tm_injection *in, pid_t tid, struct tm_err *err)
{
	return inject_poke(in, tid, in->code + sizeof(in->head),
			   tm_recorder_image + sizeof(in->head),
			   tm_recorder_image_size - sizeof(in->head), err) &&
	       inject_write_head(in, tid, err);
}

/* Not the recorder: it may be in use, and be another build's than ours. */
static bool write_areas(struct tm_injection *in, struct tm_stop *stop,
			const struct inject_plan *plans, size_t nplans,
			struct tm_err *err)
{
	for (size_t i = 0; i < nplans; i++)
		if (!inject_poke(in, tm_stop_any(stop), plans[i].near, plans[i].code,
				 sizeof(plans[i].code), err))
			return false;
	return true;
}

/* Threads that stand where a jump will be go on in the copy of what was there.
 * Never by single steps: if we were killed then, the trap of the next one would
 * end the program. */
static bool move_threads(struct tm_injection *in, struct tm_stop *stop,
			 const struct inject_plan *plans, size_t nplans,
			 struct tm_err *err)
{
	for (size_t i = 0; i < stop->n; i++) {
		const struct tm_thread *thread = &stop->threads[i];
		struct tm_regs regs;
		tm_addr to;

		if (!tm_regs_get(thread->tid, &regs))
			continue;
		to = inject_plan_moved(plans, nplans, tm_regs_pc(&regs));
		if (!to)
			continue;
		tm_log("thread %d goes on at %#llx", (int)thread->tid,
		       (unsigned long long)to);
		tm_regs_set_pc(&regs, to);
		if (!tm_regs_set(thread->tid, &regs))
			return tm_process_explain(&in->process, errno,
						  "cannot set its registers", err);
	}
	return true;
}

/* Take back what of these was done, and nothing else. */
static void take_back(struct tm_injection *in, struct tm_stop *stop,
		      const struct inject_plan *plans, size_t nplans)
{
	struct tm_err err;

	while (nplans-- > 0)
		if (!inject_plan_restore(in, stop, &plans[nplans], &err))
			tm_log("a hook stays: %s", err.cause);
}

static bool apply(struct tm_injection *in, struct tm_stop *stop,
		  const struct inject_plan *plans, size_t nplans, bool unwind, struct tm_err *err)
{
	TM_GUARD(tm_free_ptr) struct tm_range *ranges =
		tm_calloc(nplans * INJECT_MAX_PATCHES + 1, sizeof(*ranges));
	const struct inject_clear what = {
		.ranges = ranges, .n = windows(plans, nplans, ranges),
		.unwind = unwind, .plans = plans, .nplans = nplans,
	};

	if (!inject_clear_of(in, stop, &what))
		return tm_err_set(err, TM_ERR_BUSY, in->process.object,
				  "a thread always stands where a hook must be written");
	if (!write_areas(in, stop, plans, nplans, err) ||
	    !move_threads(in, stop, plans, nplans, err))
		return false;
	for (size_t i = 0; i < nplans; i++)
		if (!inject_plan_apply(in, stop, &plans[i], err)) {
			take_back(in, stop, plans, i + 1);
			return false;
		}
	return true;
}

/* One plan an image; *ret_n of them. */
static bool make_plans(struct tm_injection *in, const struct tm_maps *maps,
		       const struct tm_functions *functions, uint32_t first_near,
		       struct inject_plan *ret, size_t *ret_n, struct tm_err *err)
{
	*ret_n = 0;
	for (size_t first = 0, end; first < functions->n; first = end) {
		uint32_t area = first_near + (uint32_t)*ret_n;

		end = group_end(functions, first);
		if (!inject_near_is_mapped(in, maps, area))
			return tm_err_set(err, TM_ERR_NOT_TRACED, in->process.object,
					  "another tmattach has removed the recorder meanwhile");
		if (!inject_plan_make(in, functions->items + first, end - first,
				      in->head.near[area].address, &ret[(*ret_n)++], err))
			return false;
	}
	return true;
}

bool inject_hook_in(struct tm_injection *in, struct tm_stop *stop, const struct tm_maps *maps,
		    const struct tm_functions *functions, uint32_t first_near, bool unwind,
		    struct tm_err *err)
{
	TM_GUARD(tm_free_ptr) struct inject_plan *plans =
		tm_calloc(TM_RECORDER_MAX_NEAR, sizeof(*plans));
	size_t n;

	return inject_is_alone(in, maps, err) &&
	       make_plans(in, maps, functions, first_near, plans, &n, err) &&
	       apply(in, stop, plans, n, unwind, err);
}

bool inject_hook(struct tm_injection *in, const struct tm_functions *functions,
		 uint32_t first_near, struct tm_err *err)
{
	bool done = false;

	for (unsigned tries = 0; tries < MAX_TRIES && !done; tries++) {
		TM_GUARD(tm_stop_guard) struct tm_stop stop = { 0 };
		TM_GUARD(tm_maps_free) struct tm_maps maps = { 0 };

		if (tries)
			inject_pause(tries);
		if (!inject_stand(in, &stop, &maps, err))
			return false;
		done = inject_hook_in(in, &stop, &maps, functions, first_near,
				      inject_unwinds(tries), err);
		if (!done && err->kind != TM_ERR_BUSY)
			return false;
	}
	return done;
}

static bool can_hook(struct tm_injection *in, const struct tm_functions *functions,
		     size_t first, size_t end, struct tm_err *err)
{
	for (size_t i = first; i < end; i++)
		if (!inject_can_hook(in, &functions->items[i], err))
			return false;
	return true;
}

/* Its file, without the directory. */
static const char *module_name(const struct tm_maps *maps, tm_addr module)
{
	const struct tm_region *region = tm_maps_find(maps, module);
	const char *slash = region ? strrchr(region->path, '/') : NULL;

	return slash ? slash + 1 : "a module";
}

void inject_drop_refused(struct tm_injection *in, const struct tm_maps *maps,
			 struct tm_functions *functions)
{
	size_t kept = 0;

	in->refused[0] = '\0';
	for (size_t first = 0, end; first < functions->n; first = end) {
		struct tm_err err;

		end = group_end(functions, first);
		if (!can_hook(in, functions, first, end, &err)) {
			snprintf(in->refused, sizeof(in->refused), "%.40s allocates is seen: %.90s",
				 module_name(maps, functions->items[first].module), err.cause);
			tm_log("nothing that %s", in->refused);
			continue;
		}
		memmove(&functions->items[kept], &functions->items[first],
			(end - first) * sizeof(functions->items[0]));
		kept += end - first;
	}
	functions->n = kept;
}

void inject_drop_hooked(struct tm_injection *in, struct tm_functions *functions, size_t from)
{
	size_t kept = from;

	for (size_t i = from; i < functions->n; i++)
		if (!inject_patched(in, functions->items[i].address))
			functions->items[kept++] = functions->items[i];
	functions->n = kept;
}

static void survey_image(struct tm_injection *in, const struct tm_loaded *loaded,
			 const struct tm_image *image, struct tm_functions *functions)
{
	size_t from = functions->n;

	if (!tm_loaded_has(loaded, image)) {
		/* It may be on its way: listed when it is ready for use. */
		in->unsettled |= tm_image_is_executable(image, loaded->maps);
		tm_log("%s is mapped, but not loaded", image->path);
		return;
	}
	tm_functions_of_image(&in->process, image,
			      tm_loaded_has_program(loaded, image), functions);
	inject_loader_take(in, loaded, image, functions);
	inject_keep_hookable(in, functions, from);
	inject_settle_operators(in, loaded->maps, image, functions, from);
	inject_drop_hooked(in, functions, from);
}

bool inject_locks_memory(struct tm_injection *in, const struct tm_maps *maps)
{
	bool locks = false;

	for (size_t i = 0; i < maps->n && !locks; i++) {
		TM_GUARD(tm_image_free) struct tm_image image = { 0 };
		struct tm_err ignored;

		locks = inject_may_be_image(&maps->regions[i]) &&
			tm_image_read(in->mem, &maps->regions[i], &image, &ignored) &&
			tm_image_imports(&image, "mlockall");
	}
	return locks;
}

bool inject_survey(struct tm_injection *in, const struct tm_maps *maps,
		   struct tm_functions *functions, struct tm_err *err)
{
	TM_GUARD(tm_loaded_free) struct tm_loaded loaded = { 0 };

	tm_loaded_read(in->mem, maps, in->process.pid, &loaded);
	inject_loader_know(in, &loaded);
	in->unsettled = false;
	for (size_t i = 0; i < maps->n; i++) {
		TM_GUARD(tm_image_free) struct tm_image image = { 0 };

		if (inject_may_be_image(&maps->regions[i]) &&
		    tm_image_read(in->mem, &maps->regions[i], &image, err))
			survey_image(in, &loaded, &image, functions);
	}
	return true;
}
