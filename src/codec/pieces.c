#include "codec/pieces.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

void pieces_init(struct pieces *pieces, const struct canon *canon,
		 piece_fn *make, void *ctx)
{
	size_t n = canon->frames.n;

	*pieces = (struct pieces){ .canon = canon };
	pieces->ends = tm_reallocarray(NULL, n + 1, sizeof(*pieces->ends));
	for (size_t i = 0; i < n; i++) {
		make(canon, canon->frames.id[i], ctx, &pieces->text);
		pieces->ends[i] = pieces->text.len;
	}
}

void pieces_deinit(struct pieces *pieces)
{
	tm_buf_free(&pieces->text);
	free(pieces->ends);
}

static size_t length(const struct pieces *pieces, size_t rank)
{
	return pieces->ends[rank] - (rank ? pieces->ends[rank - 1] : 0);
}

void pieces_join(const struct pieces *pieces, const tm_id *frames, size_t n,
		 char separator, struct tm_buf *ret)
{
	const tm_id *rank = pieces->canon->frames.rank;
	size_t total = n;
	char *to;

	for (size_t i = 0; i < n; i++)
		total += length(pieces, rank[frames[i]]);
	to = tm_buf_room(ret, total);
	for (size_t i = 0; i < n; i++) {
		size_t len = length(pieces, rank[frames[i]]);

		if (i)
			*to++ = separator;
		memcpy(to, pieces->text.data + pieces->ends[rank[frames[i]]] - len,
		       len);
		to += len;
	}
	ret->len = (size_t)(to - ret->data);
	*to = '\0';
}
