#include "codec/traces_in.h"

#include "codec/codec.h"

/* Texts kept as keys; when they grow beyond this, all are forgotten. */
enum { MAX_KEYS = 128 << 20 };

void traces_in_begin(struct traces_in *t, FILE *file, struct tm_builder *builder,
		     struct tm_meta *meta, struct tm_err *err)
{
	t->in.file = file;
	t->in.err = err;
	t->builder = builder;
	t->meta = meta;
	t->sites.builder = builder;
}

void traces_in_end(struct traces_in *t, bool ok)
{
	if (!ok && ferror(t->in.file) && t->in.err->kind != TM_ERR_OS)
		codec_short_read(t->in.err, t->in.file, t->in.offset);
	sites_deinit(&t->sites);
	tm_intern_free(&t->keys);
	tm_buf_free(&t->in.text);
}

bool traces_in_known(struct traces_in *t, const char *text, size_t len,
		     uint32_t *ret)
{
	size_t known;

	if (t->keys.arena.total > MAX_KEYS) {
		tm_intern_free(&t->keys);
		sites_forget(&t->sites);
	}
	known = t->keys.n;
	*ret = tm_intern(&t->keys, text, len);
	return *ret < known;
}

bool traces_in_add(struct traces_in *t, uint32_t list, uint32_t domain,
		   uint64_t size, uint32_t total)
{
	tm_id site = sites_find(&t->sites, list, domain, total, t->in.offset);

	if (site == TM_ID_NONE)
		return codec_corrupt(t->in.err, t->in.start, "%s",
				     "more tracebacks than the file has room for");
	t->saw_none |= total == TM_TOTAL_NFRAME_NONE;
	t->saw_total |= total != TM_TOTAL_NFRAME_NONE;
	sites_trace(&t->sites, site, size);
	return true;
}

void traces_in_conclude(struct traces_in *t)
{
	t->meta->has_total_nframe = t->saw_total || !t->saw_none;
}
