/*
 * CPython's tracemalloc tables -> the model. Two steps, so that nothing is
 * decoded while a target is stopped: collect reads everything that is
 * needed from memory, decode builds the snapshot from that.
 */
#ifndef TM_TRACE_TRACEMALLOC_H
#define TM_TRACE_TRACEMALLOC_H

#include "mem/mem.h"
#include "py/runtime.h"
#include "tmattach/model.h"

struct tm_collect_opts {
	/* Bytes of writable memory in the target: tables cannot be larger. */
	uint64_t writable_bytes;
	/* Called between pieces of the read with the bytes read so far and
	 * an estimate of all; may be NULL. False: give up. */
	bool (*progress)(void *ctx, uint64_t done, uint64_t total);
	void *progress_ctx;
	bool blocks; /* where each block is, too: for tm_collected_block() */
};

struct tm_collected;

/*
 * Read all traces, tracebacks and file names. The memory must not change
 * meanwhile (a stopped target with its table lock free, or a frozen copy).
 * Proves that what was read is complete: entries are as many as the
 * tables say, every address hashes to its stored hash, and the sizes add up
 * to traced_memory; else TM_ERR_CORRUPT (or TM_ERR_FAULT).
 */
struct tm_collected *tm_tracemalloc_collect(struct tm_mem *mem,
					    const struct py_runtime *runtime,
					    const struct tm_collect_opts *opts,
					    struct tm_err *err) TM_MUST_CHECK;
void tm_collected_destroy(struct tm_collected *collected); /* NULL is fine */

/* All lines of all tracebacks, each once. */
void tm_collected_lines(const struct tm_collected *collected,
			const struct py_runtime *runtime,
			void (*line)(void *ctx, struct tm_text filename, uint32_t lineno),
			void *ctx);

/* What the function of a line is called; NULL: it is not known. */
struct tm_line_names {
	const char *(*at)(void *ctx, struct tm_text filename, uint32_t lineno);
	void *ctx;
};

/* Feed everything to the builder. `names` may be NULL. Returns the number of file
 * names that could not be read (shown as "<unknown>"). */
size_t tm_tracemalloc_decode(const struct tm_collected *collected,
			     const struct py_runtime *runtime,
			     const struct tm_line_names *names,
			     struct tm_builder *builder);

/* A block, and what is to be counted of it: at first all. */
struct tm_collected_block {
	tm_addr at;
	uint64_t *size;     /* to be lowered where that is counted already */
	uint32_t *count;    /* 0: the block does not count */
};

/* Block i of those that were collected, if opts->blocks was set; false: no more. What
 * is changed counts in every decode after it. */
bool tm_collected_block(struct tm_collected *collected, size_t i,
			struct tm_collected_block *ret);

/*
 * The trace of the block at `block` in `domain` straight from the tables:
 * a few small reads. *ret_found says whether there is one; its site and size
 * go to the builder as one trace.
 */
bool tm_tracemalloc_lookup(struct tm_mem *mem, const struct py_runtime *runtime,
			   tm_addr block, uint32_t domain,
			   struct tm_builder *builder, bool *ret_found,
			   struct tm_err *err) TM_MUST_CHECK;

/*
 * 3.7 and 3.8, once a block of another domain than 0 was tracked: one table
 * whose keys and hashes hold the domain, which cannot be searched by address
 * alone. Also false if it cannot be read.
 */
bool tm_tracemalloc_mixes_domains(struct tm_mem *mem,
				  const struct py_runtime *runtime);

/* The same in domain 0, then in the others, unless they are mixed. */
bool tm_tracemalloc_lookup_any(struct tm_mem *mem, const struct py_runtime *runtime,
			       tm_addr block, struct tm_builder *builder,
			       bool *ret_found, struct tm_err *err) TM_MUST_CHECK;

#endif
