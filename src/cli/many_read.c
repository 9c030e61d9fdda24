/* Snapshots of several sources, and what is printed of them together. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "cli/many.h"
#include "cli/message.h"

/* ---- reading ------------------------------------------------------------------- */

/* Report what is wrong with one of many; the others continue. */
static void tell(struct cli_member *member, const struct tm_err *err)
{
	if (err->kind == TM_ERR_GONE) {
		member->ended = true;
		cli_note("%s: has ended", member->source.object);
	} else if (err->kind != TM_ERR_NOT_TRACED && err->kind != TM_ERR_NO_RUNTIME) {
		cli_error(err, CLI_ABOUT_PROCESS);
	} else if (!member->told) {
		cli_note("%s: %s; it is left out", member->source.object, err->cause);
		member->told = true;
	}
}

static int read_member(struct cli_many *self, struct cli_member *member,
		       struct tm_err *last)
{
	member->fresh = false;
	if (member->ended)
		return CLI_DONE;
	member->source.family = self->family;
	member->fresh = cli_source_sample(&member->source, self->options, last);
	if (member->fresh) {
		member->told = false;
		return cli_source_status(&member->source);
	}
	tell(member, last);
	return last->kind == TM_ERR_GONE || last->kind == TM_ERR_NOT_TRACED ||
	       last->kind == TM_ERR_NO_RUNTIME ? CLI_DONE : CLI_PARTIAL;
}

int cli_many_read(struct cli_many *self)
{
	struct tm_err err = { 0 };
	int status = CLI_DONE;
	size_t fresh = 0, waiting = 0;

	tm_family_destroy(self->family);
	self->family = self->n > 1 ? tm_family_create() : NULL;
	for (size_t i = 0; i < self->n; i++) {
		const struct cli_member *member = self->members[i];
		int one = read_member(self, self->members[i], &err);

		status = one ? one : status;
		fresh += member->fresh;
		waiting += !member->fresh && !member->ended && cli_source_waits(&err);
	}
	if (fresh > 0)
		return status;
	if (waiting > 0 || (self->n == 0 && cli_many_running(self) > 0)) {
		if (!self->advised && waiting > 0 && err.hint[0])
			cli_note("%s", err.hint);
		self->advised = true;
		return CLI_NOT_TRACED;
	}
	if (self->n == 0) {
		tm_err_set(&err, TM_ERR_GONE, self->options->nsources
			   ? self->options->sources[0].text : "",
			   "there is no process to read");
		cli_error(&err, CLI_ABOUT_PROCESS);
	}
	return (int)cli_exit_status(&err, CLI_ABOUT_PROCESS);
}

/* ---- together -------------------------------------------------------------------- */

/* The members with a fresh snapshot. */
struct parts {
	struct report_parts of;
	const struct tm_snapshot **once; /* what each adds to the whole */
	const struct tm_source_lines *lines;
};

static void free_parts(struct parts *parts)
{
	tm_snapshot_destroy(parts->of.merged);
	free(parts->once);
	free(parts->of.snapshots);
	free(parts->of.files);
	free(parts->of.memory);
}

static bool get_parts(const struct cli_many *self, struct parts *ret,
		      struct tm_err *err)
{
	struct report_parts *of = &ret->of;

	ret->once = tm_calloc(self->n + 1, sizeof(*ret->once));
	of->snapshots = tm_calloc(self->n + 1, sizeof(*of->snapshots));
	of->files = tm_calloc(self->n + 1, sizeof(*of->files));
	of->memory = tm_calloc(self->n + 1, sizeof(*of->memory));
	for (size_t i = 0; i < self->n; i++) {
		const struct cli_source *source = &self->members[i]->source;

		if (!self->members[i]->fresh)
			continue;
		if (of->n == 0)
			ret->lines = source->lines;
		if (!source->file)
			tm_shared_read(source->pid, &of->memory[of->n]);
		ret->once[of->n] = source->once ? source->once : source->snapshot;
		of->snapshots[of->n] = source->snapshot;
		of->files[of->n++] = source->file;
	}
	of->merged = tm_snapshot_merge(ret->once, of->n, err);
	return of->merged != NULL;
}

struct tm_snapshot *cli_many_merge(const struct cli_many *self, struct tm_err *err)
{
	struct parts parts = { 0 };
	bool ok = get_parts(self, &parts, err);
	struct tm_snapshot *merged = ok ? parts.of.merged : NULL;

	parts.of.merged = NULL;
	free_parts(&parts);
	return merged;
}

static const struct tm_source_lines *lines_of(const struct cli_many *self)
{
	for (size_t i = 0; i < self->n; i++)
		if (self->members[i]->fresh)
			return self->members[i]->source.lines;
	return NULL;
}

int cli_many_get(struct cli_many *holds, struct cli_source *ret,
		 const struct cli_options *options, size_t i)
{
	struct tm_err err;
	int status;

	if (!options->children || options->sources[i].by == CLI_BY_FILE)
		return cli_source_get(ret, options, i);
	holds->own = *options;
	holds->own.sources = &options->sources[i];
	holds->own.nsources = 1;
	status = cli_many_open(holds, &holds->own);
	if (status == CLI_DONE)
		status = cli_many_read(holds);
	if (status && status != CLI_PARTIAL)
		return status;
	ret->snapshot = cli_many_merge(holds, &err);
	if (!ret->snapshot)
		return cli_error(&err, CLI_ABOUT_PROCESS);
	ret->lines = lines_of(holds);
	snprintf(ret->object, sizeof(ret->object), "%zu processes", holds->n);
	return CLI_DONE;
}

bool cli_many_print(const struct cli_many *self, struct tm_err *err)
{
	TM_GUARD(free_parts) struct parts parts = { 0 };
	struct report how;

	if (!get_parts(self, &parts, err))
		return false;
	how = cli_options_report(self->options, parts.lines);
	return report_merged(&how, &parts.of, &self->options->query, err);
}
