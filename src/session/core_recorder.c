#include "session/core_recorder.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "native/symbols.h"
#include "session/native_frames.h"
#include "trace/recorder_traces.h"

struct core_recorder {
	struct core_recorder_place place;
	tm_addr table;
	struct native_modules modules;
	struct tm_symbolizer *symbolizer;
};

/* "/memfd:NAME (deleted)", as the kernel calls it; gdb takes that over. */
static const struct tm_region *find_table(const struct tm_maps *maps)
{
	static const char path[] = "/memfd:" TM_RECORDER_TABLE_NAME;

	for (size_t i = 0; i < maps->n; i++)
		if (strncmp(maps->regions[i].path, path, strlen(path)) == 0)
			return &maps->regions[i];
	return NULL;
}

/* The symbolizer takes images that have an inode, which a core does not tell;
 * files are compared by their build-ids then. */
static void list_modules(struct core_recorder *recorder)
{
	const struct core_recorder_place *place = &recorder->place;
	struct tm_maps maps = { .n = place->maps->n };

	maps.regions = tm_reallocarray(NULL, maps.n + 1, sizeof(*maps.regions));
	for (size_t i = 0; i < maps.n; i++) {
		struct tm_region *region = &maps.regions[i];

		*region = place->maps->regions[i];
		if (region->path[0] == '/')
			region->inode = 1;
		if (place->exe && strcmp(region->path, place->exe_was) == 0)
			region->path = place->exe;
	}
	native_modules_update(&recorder->modules, &maps);
	free(maps.regions);
}

static bool not_written(const struct core_recorder_place *place,
			struct tm_err *err)
{
	tm_err_set(err, TM_ERR_UNSUPPORTED, place->object,
		   "the recorder's table was not written to the core");
	return tm_err_hint(err, "start it with tmattach start --in-core, and with bit 1 "
			   "of /proc/PID/coredump_filter set (0x33 is the default); "
			   "of a live process take a snapshot: tmattach dump");
}

struct core_recorder *core_recorder_find(const struct core_recorder_place *place,
					 struct tm_err *err)
{
	const struct tm_region *region = find_table(place->maps);
	struct core_recorder *recorder;

	if (!region) {
		tm_err_set(err, TM_ERR_NOT_TRACED, place->object,
			   "no recorder was in the process");
		return NULL;
	}
	if (!tm_core_holds(place->file, region->start)) {
		not_written(place, err);
		return NULL;
	}
	recorder = tm_calloc(1, sizeof(*recorder));
	recorder->place = *place;
	recorder->table = region->start;
	native_modules_init(&recorder->modules, 0, place->mem);
	list_modules(recorder);
	recorder->symbolizer = tm_symbolizer_create(&recorder->modules);
	return recorder;
}

void core_recorder_close(struct core_recorder *recorder)
{
	if (!recorder)
		return;
	tm_symbolizer_destroy(recorder->symbolizer);
	native_modules_deinit(&recorder->modules);
	free(recorder);
}

struct tm_snapshot *core_recorder_snapshot(struct core_recorder *recorder,
					   struct tm_meta *meta,
					   struct tm_err *err)
{
	TM_GUARD(tm_recorder_copy_free) struct tm_recorder_copy copy = { .exact = true };
	const struct tm_frame_source source =
		tm_native_frames(recorder->symbolizer);
	struct tm_builder *builder;

	if (!tm_recorder_copy_take(&copy, recorder->place.mem, recorder->table, err)) {
		if (err->kind == TM_ERR_BUSY)
			tm_err_set(err, TM_ERR_BUSY, recorder->place.object,
				   "the process died while the recorder's table "
				   "was being rearranged");
		return NULL;
	}
	builder = tm_builder_create();
	if (tm_recorder_build(&copy, recorder->place.mem, recorder->table,
			      &source, builder, meta, err))
		return tm_builder_finish(builder, meta, err);
	tm_builder_destroy(builder);
	return NULL;
}
