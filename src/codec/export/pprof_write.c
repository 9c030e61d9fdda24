/*
 * .pb.gz: a pprof profile with the sample types inuse_objects and
 * inuse_space, the latter the default, as heap profiles of Go have them.
 *
 * Where the function of a Python frame is not known, the frame is a function of its
 * own that is called "FILE:LINE", in full: pprof adds up functions of equal
 * name, and its top is to say what ours says. system_name is left out: where
 * it equals the name, pprof takes "<frozen importlib._bootstrap>" for C++ and
 * strips what is in angle brackets.
 *
 * A profile is written as a sequence of small ones: in protobuf, messages
 * laid end to end are one message, repeated fields joined.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/map.h"
#include "codec/codec.h"
#include "codec/export/export.h"
#include "codec/gzip.h"
#include "profile.pb-c.h"

/* The beginning of the string table. */
enum {
	STR_EMPTY, STR_INUSE_OBJECTS, STR_COUNT, STR_INUSE_SPACE, STR_BYTES,
	STR_SPACE, STR_DOMAIN, STR_THREAD, STR_COMMAND, STR_RUNTIME, STR_LIMIT, STR_NAMES,
};

struct pprof {
	const struct tm_snapshot *snapshot;
	struct canon canon;
	struct gzip gzip;
	struct tm_buf packed, text;
	int64_t nstrings;        /* in the table so far */
	struct tm_map domains;   /* domain -> its string */
	uint64_t *locations;     /* of the sample at hand */
	size_t locations_cap;
};

static void put(struct pprof *w, const Tm__Pprof__Profile *part)
{
	size_t len = tm__pprof__profile__get_packed_size(part);

	tm_buf_clear(&w->packed);
	tm__pprof__profile__pack(part, (uint8_t *)tm_buf_room(&w->packed, len));
	gzip_add(&w->gzip, w->packed.data, len);
}

/* The next entry of the string table. */
static int64_t put_string(struct pprof *w, const char *text)
{
	Tm__Pprof__Profile part = TM__PPROF__PROFILE__INIT;
	char *string = (char *)text;

	part.n_string_table = 1;
	part.string_table = &string;
	put(w, &part);
	return w->nstrings++;
}

static int64_t put_text(struct pprof *w, struct tm_text text)
{
	tm_buf_clear(&w->text);
	export_text(&w->text, text, "");
	return put_string(w, w->text.data);
}

static void put_strings(struct pprof *w)
{
	static const char *const fixed[] = {
		"", "inuse_objects", "count", "inuse_space", "bytes", "space",
		"domain", "thread",
	};
	const struct tm_snapshot *s = w->snapshot;
	const struct tm_meta *meta = &s->meta;

	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		put_string(w, fixed[i]);
	put_text(w, (struct tm_text){ meta->command, strlen(meta->command) });
	put_text(w, (struct tm_text){ meta->runtime, strlen(meta->runtime) });
	tm_buf_clear(&w->text);
	tm_buf_addf(&w->text, "traceback limit %" PRIu32,
		    meta->traceback_limit);
	put_string(w, w->text.data);
	for (size_t i = 0; i < w->canon.strings.n; i++)
		put_text(w, s->strings[w->canon.strings.id[i]]);
}

/* The index of a string of the snapshot in the table; 0 is "". */
static int64_t string_index(const struct pprof *w, tm_id id)
{
	return id == TM_ID_NONE ? STR_EMPTY :
				  STR_NAMES + (int64_t)w->canon.strings.rank[id];
}

static void put_meta(struct pprof *w)
{
	const struct tm_meta *meta = &w->snapshot->meta;
	Tm__Pprof__Profile part = TM__PPROF__PROFILE__INIT;
	Tm__Pprof__ValueType objects = TM__PPROF__VALUE_TYPE__INIT;
	Tm__Pprof__ValueType bytes = TM__PPROF__VALUE_TYPE__INIT;
	Tm__Pprof__ValueType period = TM__PPROF__VALUE_TYPE__INIT;
	Tm__Pprof__ValueType *types[] = { &objects, &bytes };
	int64_t comments[3];

	objects.type = STR_INUSE_OBJECTS;
	objects.unit = STR_COUNT;
	bytes.type = STR_INUSE_SPACE;
	bytes.unit = STR_BYTES;
	period.type = STR_SPACE;
	period.unit = STR_BYTES;
	part.n_sample_type = 2;
	part.sample_type = types;
	part.default_sample_type = STR_INUSE_SPACE;
	part.period_type = &period;
	part.period = meta->sample_bytes ? (int64_t)meta->sample_bytes : 1;
	if (meta->taken_at > 0 && meta->taken_at < INT64_MAX / 1000000)
		part.time_nanos = meta->taken_at * 1000000;
	part.comment = comments;
	if (meta->command[0])
		comments[part.n_comment++] = STR_COMMAND;
	if (meta->runtime[0])
		comments[part.n_comment++] = STR_RUNTIME;
	if (meta->traceback_limit)
		comments[part.n_comment++] = STR_LIMIT;
	put(w, &part);
}

/* Addresses are relative to the load bias: every module begins at 0. */
static uint64_t *module_ends(const struct tm_snapshot *s)
{
	uint64_t *ends = tm_calloc(s->nmodules + 1, sizeof(*ends));

	for (size_t i = 0; i < s->nnatives; i++) {
		const struct tm_native_frame *native = &s->natives[i];

		if (native->module != TM_ID_NONE &&
		    native->address >= ends[native->module])
			ends[native->module] = native->address +
					       (native->address < UINT64_MAX);
	}
	return ends;
}

static void put_mappings(struct pprof *w)
{
	const struct tm_snapshot *s = w->snapshot;
	uint64_t *ends = module_ends(s);

	for (size_t i = 0; i < w->canon.modules.n; i++) {
		tm_id id = w->canon.modules.id[i];
		Tm__Pprof__Profile part = TM__PPROF__PROFILE__INIT;
		Tm__Pprof__Mapping mapping = TM__PPROF__MAPPING__INIT;
		Tm__Pprof__Mapping *mappings = &mapping;

		mapping.id = i + 1;
		mapping.memory_limit = ends[id];
		mapping.filename = string_index(w, s->modules[id].path);
		mapping.build_id = string_index(w, s->modules[id].build_id);
		/* All is resolved: pprof need not look for the file. */
		mapping.has_functions = mapping.has_filenames = true;
		mapping.has_line_numbers = mapping.has_inline_frames = true;
		part.n_mapping = 1;
		part.mapping = &mappings;
		put(w, &part);
	}
	free(ends);
}

static int64_t put_label(struct pprof *w, struct tm_frame_view view)
{
	tm_buf_clear(&w->text);
	export_name(&w->text, view, "");
	return put_string(w, w->text.data);
}

/* A frame is a location and a function, both with its rank + 1 as their id. */
static void put_frame(struct pprof *w, size_t rank)
{
	const struct tm_snapshot *s = w->snapshot;
	tm_id id = w->canon.frames.id[rank];
	const struct tm_frame *frame = &s->frames[id];
	const struct tm_native_frame *native = frame->native == TM_ID_NONE ?
		NULL : &s->natives[frame->native];
	Tm__Pprof__Profile part = TM__PPROF__PROFILE__INIT;
	Tm__Pprof__Function function = TM__PPROF__FUNCTION__INIT;
	Tm__Pprof__Function *functions = &function;
	Tm__Pprof__Location location = TM__PPROF__LOCATION__INIT;
	Tm__Pprof__Location *locations = &location;
	Tm__Pprof__Line line = TM__PPROF__LINE__INIT, *lines = &line;

	function.id = location.id = line.function_id = rank + 1;
	function.name = native && native->function != TM_ID_NONE ?
		string_index(w, native->function) :
		put_label(w, tm_snapshot_frame(s, id));
	function.filename = string_index(w, frame->filename);
	line.line = frame->lineno;
	location.n_line = 1;
	location.line = &lines;
	if (native) {
		location.mapping_id = canon_rank1(&w->canon.modules,
						  native->module);
		location.address = native->address;
	}
	part.n_function = part.n_location = 1;
	part.function = &functions;
	part.location = &locations;
	put(w, &part);
}

static int64_t domain_string(struct pprof *w, uint32_t domain)
{
	uint32_t *known = tm_map_put(&w->domains, domain);
	char text[16];

	if (*known == TM_MAP_NONE) {
		*known = (uint32_t)w->nstrings;
		snprintf(text, sizeof(text), "%" PRIu32, domain);
		put_string(w, text);
	}
	return *known;
}

/* "thread" is the key by which other tools know it, too. */
static size_t make_labels(struct pprof *w, const struct tm_site *site,
			  Tm__Pprof__Label ret[2])
{
	size_t n = 0;

	for (size_t i = 0; i < 2; i++)
		tm__pprof__label__init(&ret[i]);
	if (site->domain) {
		ret[n].key = STR_DOMAIN;
		ret[n++].str = domain_string(w, site->domain);
	}
	if (site->thread != TM_ID_NONE) {
		ret[n].key = STR_THREAD;
		ret[n++].str = string_index(w, site->thread);
	}
	return n;
}

static void put_sample(struct pprof *w, const struct tm_site *site)
{
	const struct tm_snapshot *s = w->snapshot;
	const struct tm_traceback *t = &s->tracebacks[site->traceback];
	int64_t values[] = { (int64_t)site->count, (int64_t)site->size };
	Tm__Pprof__Profile part = TM__PPROF__PROFILE__INIT;
	Tm__Pprof__Sample sample = TM__PPROF__SAMPLE__INIT;
	Tm__Pprof__Sample *samples = &sample;
	Tm__Pprof__Label label[2], *labels[] = { &label[0], &label[1] };

	w->locations = tm_grow(w->locations, &w->locations_cap, t->nframe,
			       sizeof(*w->locations));
	for (uint32_t i = 0; i < t->nframe; i++)
		w->locations[t->nframe - 1 - i] = 1 +
			w->canon.frames.rank[s->frame_ids[t->first + i]];
	sample.n_location_id = t->nframe;
	sample.location_id = w->locations;
	sample.n_value = 2;
	sample.value = values;
	sample.n_label = make_labels(w, site, label);
	sample.label = labels;
	part.n_sample = 1;
	part.sample = &samples;
	put(w, &part);
}

static void put_all(struct pprof *w)
{
	const struct canon *canon = &w->canon;
	FILE *file = w->gzip.file;

	put_strings(w);
	put_meta(w);
	put_mappings(w);
	for (size_t i = 0; i < canon->frames.n && !ferror(file); i++)
		put_frame(w, i);
	for (size_t i = 0; i < canon->sites.n && !ferror(file); i++) {
		canon_tell(canon, i, canon->sites.n);
		put_sample(w, &w->snapshot->sites[canon->sites.id[i]]);
	}
}

static bool pprof_write(const struct tm_snapshot *snapshot, FILE *file,
			const struct tm_codec_opts *opts, struct tm_err *err)
{
	struct pprof *w = tm_calloc(1, sizeof(*w));

	w->snapshot = snapshot;
	canon_init(&w->canon, snapshot, &opts->progress);
	gzip_begin(&w->gzip, file);
	put_all(w);
	gzip_end(&w->gzip);
	canon_deinit(&w->canon);
	tm_buf_free(&w->packed);
	tm_buf_free(&w->text);
	tm_map_free(&w->domains);
	free(w->locations);
	free(w);
	return codec_written(file, err);
}

const struct tm_codec codec_pprof = {
	.name = "pprof",
	.suffix = ".pb.gz",
	.summary = "pprof profile, bytes and blocks",
	.write = pprof_write,
	.functions = true,
};
