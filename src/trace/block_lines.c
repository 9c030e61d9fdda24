#include "trace/block_lines.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "trace/collected.h"

struct finding {
	const struct py_layout *layout;
	const struct tm_collected *collected;
	struct tm_map known;       /* name << 32 | lineno -> line */
	struct tm_block_lines *ret;
};

/* The line of a site's newest frame, which is the record's first. */
static uint32_t line_of(struct finding *finding, uint32_t site)
{
	const struct tm_collected *collected = finding->collected;
	const struct collected_frame frame = tm_collected_frame(collected, finding->layout,
		collected->sites[site].traceback, 0);
	uint32_t *line = tm_map_put(&finding->known, collected_frame_key(frame));
	const struct tm_text name = tm_collected_name(collected, frame.name);
	struct tm_block_lines *ret = finding->ret;

	if (*line != TM_MAP_NONE)
		return *line;
	*line = (uint32_t)ret->nlines;
	ret->lines = tm_grow(ret->lines, &ret->lines_cap, ret->nlines + 1,
			     sizeof(*ret->lines));
	ret->lines[ret->nlines++] = (struct tm_block_line){
		.filename = collected->name_list[frame.name].unreadable ? "<unknown>" :
			    tm_arena_bytes(&ret->names, name.bytes, name.len),
		.lineno = frame.lineno,
	};
	return *line;
}

static void find_lines(struct finding *finding)
{
	const struct tm_collected *collected = finding->collected;
	uint32_t *line = tm_reallocarray(NULL, collected->nsites + 1, sizeof(*line));
	struct tm_block_lines *ret = finding->ret;

	for (uint32_t site = 0; site < collected->nsites; site++)
		line[site] = line_of(finding, site);
	ret->blocks = tm_reallocarray(NULL, collected->nrows + 1, sizeof(*ret->blocks));
	for (size_t i = 0; i < collected->nrows; i++)
		if (collected->sites[collected->rows[i].site].domain == 0)
			ret->blocks[ret->n++] = (struct tm_block){
				collected->blocks[i], line[collected->rows[i].site],
			};
	free(line);
}

bool tm_block_lines_read(struct tm_mem *mem, const struct py_runtime *runtime,
			 uint64_t writable_bytes, struct tm_block_lines *ret,
			 struct tm_err *err)
{
	const struct tm_collect_opts opts = {
		.writable_bytes = writable_bytes, .blocks = true,
	};
	struct tm_collected *collected = tm_tracemalloc_collect(mem, runtime, &opts, err);
	struct finding finding = {
		.layout = runtime->layout, .collected = collected, .ret = ret,
	};

	*ret = (struct tm_block_lines){ 0 };
	if (!collected)
		return false;
	find_lines(&finding);
	tm_map_free(&finding.known);
	tm_collected_destroy(collected);
	return true;
}

void tm_block_lines_free(struct tm_block_lines *lines)
{
	free(lines->blocks);
	free(lines->lines);
	tm_arena_free(&lines->names);
	*lines = (struct tm_block_lines){ 0 };
}
