#include "session/python_allocators.h"

#include "base/alloc.h"
#include "base/guard.h"
#include "image/image.h"
#include "py/allocators.h"
#include "py/gils.h"
#include "py/object.h"
#include "py/ref_tracer.h"
#include "py/str.h"

static bool advise(const struct tm_session *session, struct tm_err *err)
{
	return tm_err_hint(err, "use `tmattach start %d' instead (tracemalloc)",
			   (int)session->process.leader);
}

/* ---- which hooks fit --------------------------------------------------------------- */

static bool refuse_kind(const struct tm_session *session,
			const struct py_allocators *allocators, struct tm_err *err)
{
	const int pid = (int)session->process.leader;

	if (allocators->kind == PY_ALLOCATORS_TRACEMALLOC) {
		tm_err_set(err, TM_ERR_USAGE, session->object,
			   "its tracemalloc is on, in the place where the recorder goes");
		return tm_err_hint(err, "`tmattach stop %d' first, which forgets its traces", pid);
	}
	tm_err_set(err, TM_ERR_UNSUPPORTED, session->object,
		   "its allocators are %s%s%s; the recorder knows CPython's own only",
		   py_allocators_name(allocators->kind), allocators->others ? ", of " : "",
		   allocators->others ? allocators->others : "");
	return advise(session, err);
}

/* Each block once: what pymalloc does not serve itself it takes from raw. */
static uint64_t most_of(const struct py_allocators *allocators,
			enum tm_recorder_py_domain domain)
{
	return allocators->kind == PY_ALLOCATORS_PYMALLOC && domain != TM_PY_RAW
		? TM_PY_SMALL : UINT64_MAX;
}

static void take_words(const struct py_allocators *allocators, struct tm_inject_python *ret)
{
	for (unsigned d = 0; d < TM_PY_DOMAINS; d++) {
		const struct py_allocator *table = &allocators->domains[d];

		for (unsigned f = 0; f < TM_PY_FUNCTIONS; f++)
			ret->words[tm_py_word(d, f)] = (struct tm_recorder_py_word){
				.original = table->functions[f],
				/* Before them stands their context. */
				.address = table->at + 8 + 8 * f,
				.most = most_of(allocators, d),
			};
	}
}

/* One countdown does for all who hold one GIL after the other. Another GIL that comes later
 * is noticed by the recorder. */
static enum tm_recorder_py_set sampled_set(const struct tm_python_allocators *self,
					   struct tm_recorder_python *ret)
{
	const struct tm_session *session = self->session;
	struct py_gils gils;
	struct tm_err unknown;

	if (!py_gils_find(session->mem, &session->runtime, &self->access.fields, &gils, &unknown) ||
	    gils.n > 1)
		return TM_PY_RECORD;
	ret->thread_interp = self->access.fields.thread_interp;
	ret->interp_gil = gils.interp_gil;
	return TM_PY_PROMOTE;
}

/* Where every block is recorded, those that CPython keeps for the next object are
 * followed: to look at each object that is made costs too much for a sample. */
static void take_tracer(const struct tm_session *session, struct tm_inject_python *ret)
{
	const struct py_object_header header = py_object_header(&session->runtime);
	struct py_ref_tracer tracer = { 0 };

	if (!session->opts.sample_bytes)
		tracer = py_ref_tracer_find(session->mem, &session->maps, &session->runtime);
	ret->words[TM_PY_TRACER] = (struct tm_recorder_py_word){
		.original = tracer.function, .address = tracer.at,
	};
	ret->facts.type_flags = header.type_flags;
	ret->facts.gc_head = header.gc_head;
	ret->facts.gc_flags = header.gc_flags;
	ret->facts.preheader_flags = header.preheader_flags;
}

/* Which of them there are, and how they are to count. */
static bool choose_hooks(const struct tm_python_allocators *self,
			 const struct py_allocators *allocators,
			 struct tm_recorder_python *ret, struct tm_err *err)
{
	ret->set = TM_PY_RECORD;
	switch (allocators->kind) {
	case PY_ALLOCATORS_PYMALLOC:
		if (self->session->opts.sample_bytes)
			ret->set = sampled_set(self, ret);
		return true;
	case PY_ALLOCATORS_DEBUG:
		ret->flags = TM_PY_NESTED;
		return true;
	case PY_ALLOCATORS_MALLOC:
	case PY_ALLOCATORS_MIMALLOC:
		return true;
	case PY_ALLOCATORS_TRACEMALLOC:
	case PY_ALLOCATORS_OTHERS:
		break;
	}
	return refuse_kind(self->session, allocators, err);
}

/* ---- where frames are ---------------------------------------------------------------- */

static struct tm_recorder_py_access take_access(const struct py_access *access)
{
	static const enum tm_recorder_py_access_kind kinds[] = {
		[PY_ACCESS_NONE] = TM_PY_NOWHERE,
		[PY_ACCESS_GLOBAL] = TM_PY_GLOBAL,
		[PY_ACCESS_THREAD] = TM_PY_OF_THREAD,
		[PY_ACCESS_IMAGE] = TM_PY_TLS_BLOCK,
		[PY_ACCESS_IMAGE_MUSL] = TM_PY_TLS_MUSL,
		[PY_ACCESS_POINTED] = TM_PY_POINTED,
	};

	return (struct tm_recorder_py_access){
		.kind = kinds[access->kind], .at = access->at,
		.module = (uint32_t)access->image,
	};
}

_Static_assert((int)PY_ABSENT == (int)TM_PY_ABSENT, "offsets are handed on");

static void take_code(const struct py_runtime *runtime, const struct py_thread_access *access,
		      struct tm_recorder_python *ret)
{
	const struct py_stack_fields *f = &access->fields;
	const struct py_str_layout *str = &runtime->str;

	ret->code_type = runtime->code_type;
	ret->code_filename = f->code_filename;
	ret->code_name = f->code_qualname != PY_ABSENT ? f->code_qualname : f->code_name;
	ret->code_firstlineno = f->code_firstlineno;
	ret->code_lines = f->code_lines;
	ret->code_instrs = f->code_instrs;
	ret->code_firsttraceable = access->code_traceable;
	ret->object_type = f->object_type;
	ret->bytes_size = f->bytes_size;
	ret->bytes_data = f->bytes_data;
	ret->str_length = str->length;
	ret->str_state = str->state;
	ret->str_ascii = str->ascii;
	ret->str_compact = str->compact;
	ret->str_kind_shift = (uint8_t)py_str_kind_shift(str);
}

static void take_frames(const struct py_runtime *runtime,
			const struct py_thread_access *access,
			struct tm_recorder_python *ret)
{
	const struct py_stack_fields *f = &access->fields;

	ret->attached = take_access(&access->attached);
	ret->known = take_access(&access->known);
	ret->thread_id = f->thread_id;
	ret->thread_frame = f->thread_frame;
	ret->cframe_frame = f->cframe_frame;
	ret->frame_previous = f->frame_previous;
	ret->frame_code = f->frame_code;
	ret->frame_instr = f->frame_instr;
	ret->frame_owner = f->frame_owner;
	/* Only free-threaded builds have copies of code. */
	ret->frame_tlbc = runtime->free_threaded ? f->frame_tlbc : TM_PY_ABSENT;
	ret->code_tlbc = runtime->free_threaded ? f->code_tlbc : TM_PY_ABSENT;
	ret->foreign_owner = (uint8_t)access->foreign_owner;
	ret->thread_cframe = f->thread_cframe;
	ret->cframe_previous = f->cframe_previous;
	ret->instr = runtime->layout->stack.lines == PY_LINES_LOCATIONS ?
		TM_PY_INSTR_ADDRESS : TM_PY_INSTR_INDEX;
	take_code(runtime, access, ret);
}

/* ---- where C functions are between them ------------------------------------------------ */

static enum tm_recorder_py_merge merge_of(const struct tm_recorder_python *facts)
{
	if (facts->foreign_owner)
		return TM_PY_BY_ENTRY_FRAME;
	if (facts->thread_cframe == TM_PY_ABSENT)
		return TM_PY_APART;
	return facts->cframe_frame == TM_PY_ABSENT ? TM_PY_BY_CFRAME_EACH : TM_PY_BY_CFRAME;
}

static bool take_image(struct tm_session *session, struct tm_recorder_python *ret,
		       struct tm_err *err)
{
	TM_GUARD(tm_image_free) struct tm_image image = { 0 };
	const struct tm_region *region = tm_maps_find(&session->maps, session->runtime.image);

	if (!region)
		return tm_err_set(err, TM_ERR_BUSY, session->object,
				  "the image of its Python is not mapped any more");
	if (!tm_image_read(session->mem, region, &image, err))
		return false;
	for (size_t i = 0; i < image.nsegments; i++)
		if (image.flags[i] & PF_X) {
			ret->image_start = image.segments[i].start;
			ret->image_end = image.segments[i].end;
		}
	return true;
}

/* Asked for with `c_frames`. What C code takes from malloc is told from what Python takes
 * where only raw calls malloc. */
static bool take_merge(struct tm_session *session, enum py_allocators_kind kind,
		       struct tm_recorder_python *ret, struct tm_err *err)
{
	if (!session->opts.c_frames)
		return true;
	if (kind == PY_ALLOCATORS_PYMALLOC)
		ret->flags |= TM_PY_WITH_C;
	ret->merge = merge_of(ret);
	if (ret->merge)
		return take_image(session, ret, err);
	tm_err_set(err, TM_ERR_UNSUPPORTED, session->object,
		   "%s does not tell which C functions its Python functions are in",
		   session->runtime.name);
	return tm_err_hint(err, "without --native its Python functions are recorded");
}

/* ---- and that it is so ----------------------------------------------------------------- */

static struct py_thread look_at_thread(const struct tm_thread *thread, struct tm_regs *regs)
{
	struct py_thread ret = { .self = UINT64_MAX };

	if (!tm_thread_stands(thread) || !tm_regs_get(thread->tid, regs))
		return ret;
	ret.self = tm_regs_tls(regs);
	ret.regs = (const uint64_t *)regs;
	ret.nregs = sizeof(*regs) / sizeof(uint64_t);
	return ret;
}

/* What the hooks will do without a question is done here once, by each thread. */
static bool proved(void *ctx, const struct tm_stop *stop, struct tm_err *err)
{
	const struct tm_python_allocators *self = ctx;
	TM_GUARD(tm_free_ptr) struct py_thread *threads = tm_calloc(stop->n, sizeof(*threads));
	TM_GUARD(tm_free_ptr) struct tm_regs *regs = tm_calloc(stop->n, sizeof(*regs));

	for (size_t i = 0; i < stop->n; i++)
		threads[i] = look_at_thread(&stop->threads[i], &regs[i]);
	return py_thread_access_prove(self->session->mem, &self->session->runtime,
				      &self->access, threads, stop->n, err) ||
	       (!err->hint[0] && advise(self->session, err));
}

static bool find(struct tm_session *session, struct py_allocators *ret,
		 struct py_thread_access *ret_access, struct tm_err *err)
{
	return (py_allocators_find(session->mem, &session->maps, &session->runtime, ret, err) &&
		py_thread_access_find(session->mem, &session->maps, &session->runtime,
				      ret_access, err)) ||
	       (!err->hint[0] && advise(session, err));
}

/* It runs: an arena of pymalloc that is new or on its way is not among the mappings yet,
 * and its functions are nobody's that we know. */
static bool find_settled(struct tm_session *session, struct py_allocators *ret,
			 struct py_thread_access *ret_access, struct tm_err *err)
{
	enum { MAX_LOOKS = 50 };

	for (unsigned looks = 0; looks < MAX_LOOKS; looks++) {
		if (!tm_subject_refresh(session, err) || !find(session, ret, ret_access, err))
			return false;
		if (ret->kind != PY_ALLOCATORS_OTHERS || ret->others)
			break;
	}
	return true;
}

bool tm_python_allocators(struct tm_session *session, struct tm_python_allocators *ret,
			  struct tm_err *err)
{
	struct tm_inject_python *python = &ret->python;
	struct py_allocators allocators;

	*ret = (struct tm_python_allocators){
		.python = { .proved = proved, .ctx = ret }, .session = session,
	};
	if (!find_settled(session, &allocators, &ret->access, err))
		return false;
	if (!choose_hooks(ret, &allocators, &python->facts, err))
		return false;
	take_words(&allocators, python);
	take_tracer(session, python);
	take_frames(&session->runtime, &ret->access, &python->facts);
	return take_merge(session, allocators.kind, &python->facts, err);
}

bool tm_python_counts_frames(struct tm_session *session)
{
	struct tm_err unknown;

	return tm_subject_python(session, &unknown) &&
	       session->runtime.layout->traceback.total_nframe != PY_ABSENT;
}
