#include "cli/series.h"

#include <stdlib.h>

#include "base/alloc.h"

static int64_t taken_at(const struct cli_source *source)
{
	return source->snapshot->meta.taken_at;
}

static bool are_dated(const struct cli_series *self)
{
	for (size_t i = 0; i < self->n; i++)
		if (!taken_at(self->sources[i]))
			return false;
	return true;
}

/* A shell gives s10.tms before s2.tms. */
static bool put_in_order(struct cli_series *self)
{
	bool moved = false;

	for (size_t i = 1; i < self->n; i++) {
		struct cli_source *source = self->sources[i];
		size_t k = i;

		for (; k > 0 && taken_at(self->sources[k - 1]) > taken_at(source); k--)
			self->sources[k] = self->sources[k - 1];
		self->sources[k] = source;
		moved |= k != i;
	}
	return moved;
}

int cli_series_read(struct cli_series *ret, const struct cli_options *options)
{
	ret->n = options->nsources;
	ret->sources = tm_calloc(ret->n, sizeof(*ret->sources));
	ret->families = tm_calloc(ret->n, sizeof(*ret->families));
	for (size_t i = 0; i < ret->n; i++) {
		int status;

		ret->sources[i] = tm_calloc(1, sizeof(*ret->sources[i]));
		status = cli_many_get(&ret->families[i], ret->sources[i], options, i);
		if (status)
			return status;
	}
	if (ret->n > 2 && are_dated(ret) && put_in_order(ret))
		cli_note("the snapshots are in the order in which they were taken");
	return CLI_DONE;
}

void cli_series_close(struct cli_series *self)
{
	for (size_t i = 0; i < self->n && self->sources[i]; i++) {
		cli_source_close(self->sources[i]);
		free(self->sources[i]);
		cli_many_close(&self->families[i]);
	}
	free(self->sources);
	free(self->families);
	*self = (struct cli_series){ 0 };
}

int cli_series_status(const struct cli_series *self)
{
	int status = CLI_DONE;

	for (size_t i = 0; i < self->n; i++) {
		int one = cli_source_status(self->sources[i]);

		status = status ? status : one;
	}
	return status;
}
