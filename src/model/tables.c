#include "model/function.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

void tables_free(struct tables *t)
{
	tm_arena_free(&t->arena);
	free(t->strings);
	free(t->modules);
	free(t->natives);
	free(t->frames);
	free(t->places);
	free(t->functions);
	free(t->frame_ids);
	free(t->tracebacks);
	free(t->sites);
	free(t->rows);
	index_free(&t->by_text);
	index_free(&t->by_module);
	index_free(&t->by_frame);
	index_free(&t->by_place);
	index_free(&t->by_places);
	index_free(&t->by_function);
	index_free(&t->by_variant);
	index_free(&t->by_site);
	*t = (struct tables){ 0 };
}

/* ---- strings and modules ---------------------------------------------- */

static tm_id next_text(const struct tables *t, struct index_probe *probe,
		       struct tm_text text)
{
	tm_id id;

	while ((id = index_next(&t->by_text, probe)) != TM_ID_NONE) {
		struct tm_text known = t->strings[id];

		if (known.len == text.len &&
		    (!text.len || !memcmp(known.bytes, text.bytes, text.len)))
			break;
	}
	return id;
}

tm_id tables_find_text(const struct tables *t, struct tm_text text)
{
	struct index_probe probe =
		index_find(&t->by_text, index_hash_text(text));

	return next_text(t, &probe, text);
}

tm_id tables_text(struct tables *t, struct tm_text text)
{
	struct index_probe probe =
		index_start(&t->by_text, index_hash_text(text));
	tm_id id = next_text(t, &probe, text);

	if (id != TM_ID_NONE)
		return id;
	t->strings = tm_grow(t->strings, &t->strings_cap, t->nstrings + 1,
			     sizeof(*t->strings));
	id = (tm_id)t->nstrings++;
	t->strings[id].bytes = tm_arena_bytes(&t->arena, text.bytes, text.len);
	t->strings[id].len = text.len;
	index_add(&t->by_text, &probe, id);
	return id;
}

tm_id tables_module(struct tables *t, struct tm_module module)
{
	struct index_probe probe = index_start(
		&t->by_module, index_hash3(module.path, module.build_id, 0));
	tm_id id;

	while ((id = index_next(&t->by_module, &probe)) != TM_ID_NONE)
		if (t->modules[id].path == module.path &&
		    t->modules[id].build_id == module.build_id)
			return id;
	t->modules = tm_grow(t->modules, &t->modules_cap, t->nmodules + 1,
			     sizeof(*t->modules));
	id = (tm_id)t->nmodules++;
	t->modules[id] = module;
	index_add(&t->by_module, &probe, id);
	return id;
}

/* ---- frames and their places ------------------------------------------- */

/* No module has this number. */
#define OF_PYTHON (TM_ID_NONE - 1)

static struct place python_place(tm_id filename, uint32_t lineno)
{
	return (struct place){ .filename = filename, .lineno = lineno,
			       .module_path = OF_PYTHON, .function = TM_ID_NONE };
}

struct place tables_place(const struct tables *t, const struct tm_frame *frame)
{
	const struct tm_native_frame *native;
	struct place place = {
		.filename = frame->filename, .lineno = frame->lineno,
		.module_path = TM_ID_NONE, .function = TM_ID_NONE,
	};

	if (frame->native == TM_ID_NONE)
		return python_place(frame->filename, frame->lineno);
	if (frame->lineno)
		return place;
	native = &t->natives[frame->native];
	if (native->module != TM_ID_NONE)
		place.module_path = t->modules[native->module].path;
	place.function = native->function;
	if (native->function == TM_ID_NONE)
		place.address = native->address;
	return place;
}

static uint32_t hash_place(const struct place *place)
{
	return index_hash3(index_pair(place->filename, place->lineno),
		     index_pair(place->module_path, place->function), place->address);
}

static tm_id next_place(const struct tables *t, struct index_probe *probe,
			const struct place *wanted)
{
	tm_id id;

	while ((id = index_next(&t->by_place, probe)) != TM_ID_NONE) {
		struct place place = tables_place(t, &t->frames[id]);

		if (place.filename == wanted->filename &&
		    place.lineno == wanted->lineno &&
		    place.module_path == wanted->module_path &&
		    place.function == wanted->function &&
		    place.address == wanted->address)
			break;
	}
	return id;
}

tm_id tables_find_place(const struct tables *t, const struct place *place)
{
	struct index_probe probe = index_find(&t->by_place, hash_place(place));

	return next_place(t, &probe, place);
}

/* The first frame at the place of frame `id`, which may be itself. */
static tm_id first_of_place(struct tables *t, tm_id id)
{
	struct place place = tables_place(t, &t->frames[id]);
	struct index_probe probe =
		index_start(&t->by_place, hash_place(&place));
	tm_id first = next_place(t, &probe, &place);

	if (first != TM_ID_NONE)
		return first;
	index_add(&t->by_place, &probe, id);
	return id;
}

static bool same_native(const struct tables *t, tm_id id,
			const struct tm_native_frame *native)
{
	const struct tm_native_frame *known;

	if (!native || id == TM_ID_NONE)
		return !native && id == TM_ID_NONE;
	known = &t->natives[id];
	return known->address == native->address &&
	       known->function == native->function &&
	       known->module == native->module &&
	       known->inlined == native->inlined;
}

static uint32_t hash_frame(tm_id filename, uint32_t lineno, tm_id function,
			   const struct tm_native_frame *native)
{
	if (!native && function == TM_ID_NONE)
		return index_hash(index_pair(filename, lineno) ^ index_seed);
	if (!native)
		return index_hash3(index_pair(filename, lineno), function, 0);
	return index_hash3(index_pair(filename, lineno),
		     index_pair(native->function, native->module),
		     native->address ^ (uint64_t)native->inlined << 63);
}

static tm_id next_frame(const struct tables *t, struct index_probe *probe,
			const struct tm_frame *wanted,
			const struct tm_native_frame *native)
{
	tm_id id;

	while ((id = index_next(&t->by_frame, probe)) != TM_ID_NONE)
		if (t->frames[id].filename == wanted->filename &&
		    t->frames[id].lineno == wanted->lineno &&
		    t->frames[id].function == wanted->function &&
		    same_native(t, t->frames[id].native, native))
			break;
	return id;
}

tm_id tables_find_frame(const struct tables *t, tm_id filename, uint32_t lineno)
{
	const struct place place = python_place(filename, lineno);

	return tables_find_place(t, &place);
}

static tm_id append_native(struct tables *t,
			   const struct tm_native_frame *native)
{
	t->natives = tm_grow(t->natives, &t->natives_cap, t->nnatives + 1,
			     sizeof(*t->natives));
	t->natives[t->nnatives] = *native;
	t->natives[t->nnatives].reserved = 0;
	return (tm_id)t->nnatives++;
}

static tm_id add_frame(struct tables *t, struct tm_frame frame,
		       const struct tm_native_frame *native)
{
	struct index_probe probe = index_start(&t->by_frame, hash_frame(
		frame.filename, frame.lineno, frame.function, native));
	tm_id id = next_frame(t, &probe, &frame, native);

	if (id != TM_ID_NONE)
		return id;
	if (native)
		frame.native = append_native(t, native);
	t->frames = tm_grow(t->frames, &t->frames_cap, t->nframes + 1,
			    sizeof(*t->frames));
	t->places = tm_grow(t->places, &t->places_cap, t->nframes + 1,
			    sizeof(*t->places));
	t->functions = tm_grow(t->functions, &t->functions_cap, t->nframes + 1,
			       sizeof(*t->functions));
	id = (tm_id)t->nframes++;
	t->frames[id] = frame;
	t->places[id] = first_of_place(t, id);
	t->varied |= t->places[id] != id;
	function_add(t, id);
	index_add(&t->by_frame, &probe, id);
	return id;
}

tm_id tables_native_frame(struct tables *t, tm_id filename, uint32_t lineno,
			  const struct tm_native_frame *native)
{
	return add_frame(t, (struct tm_frame){ filename, lineno, TM_ID_NONE,
					       TM_ID_NONE }, native);
}

tm_id tables_function_frame(struct tables *t, tm_id filename, uint32_t lineno,
			    tm_id function)
{
	return add_frame(t, (struct tm_frame){ filename, lineno, TM_ID_NONE, function },
			 NULL);
}

/* ---- tracebacks and sites ------------------------------------------------ */

/* Does the traceback pass through these places, and no others? */
static bool has_places(const struct tables *t, tm_id traceback,
		       const tm_id *places, size_t n)
{
	const struct tm_traceback *known = &t->tracebacks[traceback];
	const tm_id *frames = &t->frame_ids[known->first];

	if (known->nframe != n)
		return false;
	if (!t->varied) /* every frame is its own place */
		return memcmp(frames, places, n * sizeof(*places)) == 0;
	for (size_t i = 0; i < n; i++)
		if (t->places[frames[i]] != places[i])
			return false;
	return true;
}

static tm_id next_places(const struct tables *t, struct index_probe *probe,
			 const tm_id *places, size_t n)
{
	tm_id id;

	while ((id = index_next(&t->by_places, probe)) != TM_ID_NONE)
		if (has_places(t, id, places, n))
			break;
	return id;
}

tm_id tables_find_traceback(const struct tables *t, const tm_id *ids, size_t n)
{
	struct index_probe probe =
		index_find(&t->by_places, index_hash_ids(ids, n));

	return next_places(t, &probe, ids, n);
}

static bool is_traceback(const struct tables *t, tm_id id, const tm_id *frames,
			 uint32_t n, uint32_t total_nframe)
{
	const struct tm_traceback *known = &t->tracebacks[id];

	return known->nframe == n && known->total_nframe == total_nframe &&
	       memcmp(&t->frame_ids[known->first], frames,
		      n * sizeof(*frames)) == 0;
}

static tm_id append_traceback(struct tables *t, const tm_id *frames, uint32_t n,
			      uint32_t total_nframe, tm_id same_frames)
{
	tm_id id = (tm_id)t->ntracebacks;

	t->tracebacks = tm_grow(t->tracebacks, &t->tracebacks_cap,
				t->ntracebacks + 1, sizeof(*t->tracebacks));
	t->frame_ids = tm_grow(t->frame_ids, &t->frame_ids_cap,
			       t->nframe_ids + n, sizeof(*t->frame_ids));
	memcpy(&t->frame_ids[t->nframe_ids], frames, n * sizeof(*frames));
	t->tracebacks[id] = (struct tm_traceback){
		.first = t->nframe_ids,
		.nframe = n,
		.total_nframe = total_nframe,
		.same_frames = same_frames == TM_ID_NONE ? id : same_frames,
	};
	t->nframe_ids += n;
	t->ntracebacks++;
	return id;
}

/* One that shares its places with `first` but is not `first` itself. */
static tm_id variant(struct tables *t, tm_id first, const tm_id *frames,
		     uint32_t n, uint32_t total_nframe)
{
	struct index_probe probe = index_start(
		&t->by_variant,
		index_hash3(first, total_nframe, index_hash_ids(frames, n)));
	tm_id id;

	while ((id = index_next(&t->by_variant, &probe)) != TM_ID_NONE)
		if (is_traceback(t, id, frames, n, total_nframe))
			return id;
	id = append_traceback(t, frames, n, total_nframe, first);
	index_add(&t->by_variant, &probe, id);
	return id;
}

tm_id tables_traceback(struct tables *t, const tm_id *frames, uint32_t n,
		       uint32_t total_nframe)
{
	const tm_id *places = frames;
	tm_id *copy = NULL;
	struct index_probe probe;
	tm_id id;

	if (t->varied) {
		places = copy = tm_reallocarray(NULL, n, sizeof(*copy));
		for (uint32_t i = 0; i < n; i++)
			copy[i] = t->places[frames[i]];
	}
	probe = index_start(&t->by_places, index_hash_ids(places, n));
	id = next_places(t, &probe, places, n);
	free(copy);
	if (id == TM_ID_NONE) {
		id = append_traceback(t, frames, n, total_nframe, TM_ID_NONE);
		index_add(&t->by_places, &probe, id);
	} else if (!is_traceback(t, id, frames, n, total_nframe)) {
		id = variant(t, id, frames, n, total_nframe);
	}
	return id;
}

tm_id tables_site(struct tables *t, tm_id traceback, uint32_t domain, tm_id thread,
		  uint32_t age)
{
	struct index_probe probe = index_start(&t->by_site, index_hash3(
		traceback, domain, index_pair(thread, age)));
	tm_id id;

	while ((id = index_next(&t->by_site, &probe)) != TM_ID_NONE)
		if (t->sites[id].traceback == traceback &&
		    t->sites[id].domain == domain && t->sites[id].thread == thread &&
		    t->sites[id].age == age)
			return id;
	t->sites = tm_grow(t->sites, &t->sites_cap, t->nsites + 1,
			   sizeof(*t->sites));
	id = (tm_id)t->nsites++;
	t->sites[id] = (struct tm_site){ traceback, domain, 0, 0, thread, age };
	t->threaded |= thread != TM_ID_NONE;
	t->aged |= age != TM_AGE_NONE;
	index_add(&t->by_site, &probe, id);
	return id;
}
