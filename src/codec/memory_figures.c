#include "tmattach/codec.h"
#include "tmattach/session.h"

size_t tm_memory_figures(const struct tm_memory *memory,
			 const struct tm_snapshot *snapshot, bool tracing,
			 struct tm_figure ret[TM_MEMORY_FIGURES])
{
	const struct tm_meta *meta = &snapshot->meta;
	uint64_t known = meta->traced_current + meta->tracer_memory;
	size_t n = 0;

	ret[n++] = (struct tm_figure){ "rss", memory->rss };
	ret[n++] = (struct tm_figure){ "file_maps", memory->file_maps };
	if (memory->has_arenas) {
		ret[n++] = (struct tm_figure){ "arenas", memory->arenas };
		ret[n++] = (struct tm_figure){ "arenas_used", memory->arenas_used };
		ret[n++] = (struct tm_figure){ "arenas_free", memory->arenas_free };
		ret[n++] = (struct tm_figure){ "other_heap",
					       memory->anonymous - memory->arenas };
	}
	if (tracing) {
		ret[n++] = (struct tm_figure){ "traced", meta->traced_current };
		ret[n++] = (struct tm_figure){ "tracer", meta->tracer_memory };
		/* Traced blocks need not be resident: never below nothing. */
		ret[n++] = (struct tm_figure){ "untracked", memory->anonymous > known
					       ? memory->anonymous - known : 0 };
	}
	return n;
}
