#include <inttypes.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/load.h"
#include "mem/window.h"
#include "py/str.h"
#include "trace/collected.h"

uint32_t tm_record_nframe(const struct py_layout *layout, const char *record)
{
	return layout->traceback.nframe_size == 2
		? tm_load_u16(record, layout->traceback.nframe)
		: tm_load_u32(record, layout->traceback.nframe);
}

size_t tm_record_size(const struct py_layout *layout, uint32_t nframe)
{
	return layout->traceback.frames + (size_t)nframe * layout->frame.size;
}

static bool check_nframe(const struct py_runtime *runtime, tm_addr at,
			 uint32_t nframe, struct tm_err *err)
{
	if (nframe >= 1 && nframe <= runtime->layout->max_nframe)
		return true;
	return tm_err_set(err, TM_ERR_CORRUPT, "",
			  "the traceback at 0x%" PRIx64 " has %" PRIu32 " frames",
			  at, nframe);
}

/* A record that the window does not hold to its end. */
static bool add_large(struct tm_mem *mem, tm_addr at, size_t size,
		      struct tm_buf *records, struct tm_err *err)
{
	enum { PIECE = 1 << 20 };
	size_t done = 0;

	/* In pieces: a forged count must not make us allocate first. */
	while (done < size) {
		size_t len = size - done < PIECE ? size - done : PIECE;
		char *room = tm_buf_room(records, len);

		if (!tm_mem_read(mem, at + done, room, len, err))
			return false;
		records->len += len;
		done += len;
	}
	return true;
}

static bool add_record(struct tm_window *window, const struct py_runtime *runtime,
		       const tm_addr *at, size_t n, struct tm_buf *records,
		       struct tm_err *err)
{
	const struct py_layout *layout = runtime->layout;
	size_t head = layout->traceback.frames;
	const char *record = tm_window_get(window, *at, head);
	uint32_t nframe;
	size_t size;

	if (!record) {
		/* Ask for one frame more than the head: each has one. */
		if (!tm_window_load(window, at, n, head + layout->frame.size, err))
			return false;
		record = window->bytes + (*at - window->base);
	}
	nframe = tm_record_nframe(layout, record);
	if (!check_nframe(runtime, *at, nframe, err))
		return false;
	size = tm_record_size(layout, nframe);
	if (!tm_window_get(window, *at, size))
		return add_large(window->mem, *at, size, records, err);
	tm_buf_add(records, record, size);
	return true;
}

static bool read_records(struct tm_mem *mem, const struct py_runtime *runtime,
			 struct tm_collected *collected, struct tm_err *err)
{
	size_t n = collected->ntracebacks;
	TM_GUARD(tm_free_ptr) tm_addr *addrs = tm_reallocarray(NULL, n, 8);
	TM_GUARD(tm_free_ptr) tm_addr *spare = tm_reallocarray(NULL, n, 8);
	TM_GUARD(tm_window_free) struct tm_window window;

	tm_window_init(&window, mem);
	for (size_t i = 0; i < n; i++)
		addrs[i] = collected->tracebacks[i].at;
	tm_sort_by_page(addrs, spare, n);
	for (size_t i = 0; i < n; i++) {
		uint32_t id = tm_map_get(&collected->traceback_ids, addrs[i]);

		if (collected->records.len > collected->limit)
			return tm_err_set(err, TM_ERR_CORRUPT, "",
					  "the tracebacks claim more memory than there is");
		collected->tracebacks[id].record = collected->records.len;
		if (!add_record(&window, runtime, addrs + i, n - i,
				&collected->records, err))
			return false;
	}
	return true;
}

static void read_name(struct tm_mem *mem, const struct py_runtime *runtime,
		      enum py_filename_kind kind, tm_addr at,
		      struct tm_collected *collected)
{
	TM_GUARD(tm_buf_free) struct tm_buf text = { 0 };
	struct tm_err err;
	bool ok = collected->names.len <= collected->limit &&
		  py_filename_read(mem, runtime, kind, at, &text, &err);

	collected->name_list = tm_grow(collected->name_list,
				       &collected->names_cap,
				       collected->nnames + 1,
				       sizeof(*collected->name_list));
	collected->name_list[collected->nnames++] = (struct collected_name){
		.at = at,
		.text = collected->names.len,
		.len = ok ? (uint32_t)text.len : 0,
		.unreadable = !ok,
	};
	if (ok)
		tm_buf_add(&collected->names, text.data, text.len);
}

/* By the innermost frames of the first tracebacks. */
static bool names_kind(struct tm_mem *mem, const struct py_runtime *runtime,
		       const struct tm_collected *collected,
		       enum py_filename_kind *ret, struct tm_err *err)
{
	enum { ENOUGH = 64 };
	const struct py_layout *layout = runtime->layout;
	tm_addr names[ENOUGH];
	size_t n = 0;

	for (; n < collected->ntracebacks && n < ENOUGH; n++)
		names[n] = tm_load_u64(collected->records.data,
				       collected->tracebacks[n].record +
				       layout->traceback.frames + layout->frame.filename);
	if (n > 0)
		return py_filename_kind(mem, runtime, names, n, ret, err);
	*ret = layout->filename; /* no names at all */
	return true;
}

static void read_names(struct tm_mem *mem, const struct py_runtime *runtime,
		       enum py_filename_kind kind, struct tm_collected *collected)
{
	const struct py_layout *layout = runtime->layout;
	tm_addr last = 0;

	for (size_t i = 0; i < collected->ntracebacks; i++) {
		const char *record = collected->records.data +
				     collected->tracebacks[i].record;
		uint32_t nframe = tm_record_nframe(layout, record);
		const char *frame = record + layout->traceback.frames;

		for (; nframe > 0; nframe--, frame += layout->frame.size) {
			tm_addr at = tm_load_u64(frame, layout->frame.filename);
			uint32_t *id;

			if (at == last && collected->nnames)
				continue;
			last = at;
			id = tm_map_put(&collected->name_ids, at);
			if (*id == TM_MAP_NONE) {
				*id = (uint32_t)collected->nnames;
				read_name(mem, runtime, kind, at, collected);
			}
		}
	}
}

bool tm_collect_tracebacks(struct tm_mem *mem, const struct py_runtime *runtime,
			   struct tm_collected *collected, struct tm_err *err)
{
	enum py_filename_kind kind;

	if (!read_records(mem, runtime, collected, err) ||
	    !names_kind(mem, runtime, collected, &kind, err))
		return false;
	read_names(mem, runtime, kind, collected);
	return true;
}
