/* Heaps from files and into files. */
#include <string.h>

#include "codec/codec.h"
#include "codec/export/heapsnapshot.h"
#include "codec/tmh.h"
#include "heap/heap.h"

static struct tm_heap *read_heap(struct codec_input *input, struct tm_err *err)
{
	struct heap_census *census;
	struct tm_meta meta;

	if (codec_input_is_core(input, err))
		return NULL;
	if (!tm_heap_is(input->head, input->nhead)) {
		tm_err_set(err, TM_ERR_UNSUPPORTED, NULL, "not a .tmh file");
		tm_err_hint(err, "`tmattach dump --heap PID -o FILE.tmh' writes one");
		return NULL;
	}
	census = tmh_read(input->file, &meta, err);
	return census ? tm_heap_create(census, &meta) : NULL;
}

struct tm_heap *tm_heap_load(const char *path, struct tm_err *err)
{
	struct codec_input input;
	struct tm_heap *heap;

	if (!codec_input_open(&input, path, NULL, err))
		return NULL;
	heap = read_heap(&input, err);
	codec_input_close(&input);
	if (!heap)
		tm_err_about(err, "%s", strcmp(path, "-") ? path : "stdin");
	return heap;
}

static bool write_devtools(void *ctx, FILE *out, struct tm_err *err)
{
	struct tm_heap *heap = ctx;

	return heapsnapshot_write(heap->census, out, err);
}

static bool write_heap(void *ctx, FILE *out, struct tm_err *err)
{
	struct tm_heap *heap = ctx;

	return tmh_write(heap->census, &heap->meta, out, err);
}

bool tm_heap_save(struct tm_heap *heap, const char *path, enum tm_heap_format format,
		  struct tm_err *err)
{
	const struct codec_writer writer = {
		format == TM_HEAP_DEVTOOLS ? write_devtools : write_heap, heap,
	};

	return heap_need_names(heap, err) && codec_save(path, &writer, err);
}
