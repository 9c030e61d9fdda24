#include "cli/many.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "cli/message.h"

bool cli_is_many(const struct cli_options *options)
{
	return options->nsources > 1 || options->children;
}

/* ---- members ----------------------------------------------------------------- */

static struct cli_member *add_member(struct cli_many *self, pid_t pid)
{
	struct cli_member *member = tm_calloc(1, sizeof(*member));

	member->pid = pid;
	self->members = tm_grow(self->members, &self->cap, self->n + 1,
				sizeof(*self->members));
	self->members[self->n++] = member;
	return member;
}

static void drop(struct cli_member *member)
{
	cli_source_close(&member->source);
	free(member);
}

static void drop_last(struct cli_many *self)
{
	drop(self->members[--self->n]);
}

static void drop_ended(struct cli_many *self)
{
	size_t n = 0;

	for (size_t i = 0; i < self->n; i++)
		if (self->members[i]->ended)
			drop(self->members[i]);
		else
			self->members[n++] = self->members[i];
	self->n = n;
}

static bool is_known(const struct cli_many *self, pid_t pid)
{
	for (size_t i = 0; i < self->nforeign; i++)
		if (self->foreign[i] == pid)
			return true;
	for (size_t i = 0; i < self->n; i++)
		if (self->members[i]->pid == pid && !self->members[i]->ended)
			return true;
	return false;
}

/* A shell between server and workers is no reason for words. */
static void add_found(struct cli_many *self, pid_t pid)
{
	struct cli_member *member;
	struct tm_err err;

	if (is_known(self, pid))
		return;
	member = add_member(self, pid);
	member->found = true;
	if (cli_source_attach(&member->source, pid, self->options, &err)) {
		if (self->unattached)
			cli_source_close(&member->source);
		return;
	}
	drop_last(self);
	/* What is a shell now may be Python when it has called exec(). */
	if (err.kind == TM_ERR_GONE || err.kind == TM_ERR_UNSUPPORTED)
		return;
	self->foreign = tm_grow(self->foreign, &self->foreign_cap,
				self->nforeign + 1, sizeof(*self->foreign));
	self->foreign[self->nforeign++] = pid;
	if (!self->quiet)
		cli_error(&err, CLI_ABOUT_PROCESS);
}

static bool descends_from_any(const struct cli_many *self,
			      const struct cli_processes *all, pid_t pid)
{
	for (size_t i = 0; i < self->n; i++)
		if (self->members[i]->pid &&
		    cli_process_descends(all, pid, self->members[i]->pid))
			return true;
	return false;
}

static void add_children(struct cli_many *self, const struct cli_processes *all)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->items[i].len && descends_from_any(self, all, all->items[i].pid))
			add_found(self, all->items[i].pid);
}

static void add_names(struct cli_many *self, const struct cli_processes *all)
{
	const struct cli_options *options = self->options;

	for (size_t i = 0; i < options->nsources; i++) {
		const struct cli_source_spec *spec = &options->sources[i];
		TM_GUARD(tm_free_ptr) pid_t *pids = NULL;
		size_t n;

		if (spec->by != CLI_BY_NAME)
			continue;
		pids = cli_processes_called(all, spec->text, false, &n);
		for (size_t k = 0; k < n; k++)
			add_found(self, pids[k]);
	}
}

static bool is_running(const struct cli_processes *all, pid_t pid)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->items[i].pid == pid)
			return all->items[i].len > 0;
	return false;
}

/* Who is not attached to is not asked whether it has ended. */
static void drop_found_that_ended(struct cli_many *self,
				  const struct cli_processes *all)
{
	for (size_t i = 0; i < self->n; i++)
		if (self->members[i]->found &&
		    !is_running(all, self->members[i]->pid))
			self->members[i]->ended = true;
	drop_ended(self);
}

void cli_many_refresh(struct cli_many *self)
{
	TM_GUARD(cli_processes_free) struct cli_processes all = { 0 };

	drop_ended(self);
	if (!self->options->children && !self->by_name)
		return;
	cli_processes_read(&all);
	if (self->unattached)
		drop_found_that_ended(self, &all);
	if (self->by_name)
		add_names(self, &all);
	if (self->options->children)
		add_children(self, &all);
}

static int add_spec(struct cli_many *self, const struct cli_source_spec *spec)
{
	struct cli_member *member;
	pid_t pid = spec->pid;
	int status;

	if (spec->by == CLI_BY_NAME) {
		if (self->by_name)
			return CLI_DONE;
		status = cli_find_process(spec->text, self->options->children, &pid);
		if (status)
			return status;
	}
	if (spec->by != CLI_BY_FILE && is_known(self, pid))
		return CLI_DONE;
	member = add_member(self, spec->by == CLI_BY_FILE ? 0 : pid);
	if (member->pid && self->unattached)
		return CLI_DONE;
	status = cli_source_open(&member->source, spec, self->options);
	if (status)
		drop_last(self);
	return status;
}

bool cli_many_has_names(const struct cli_options *options)
{
	for (size_t i = 0; i < options->nsources; i++)
		if (options->sources[i].by == CLI_BY_NAME)
			return true;
	return false;
}

int cli_many_open(struct cli_many *ret, const struct cli_options *options)
{
	ret->options = options;
	for (size_t i = 0; i < options->nsources; i++) {
		int status = add_spec(ret, &options->sources[i]);

		if (status)
			return status;
	}
	cli_many_refresh(ret);
	return CLI_DONE;
}

void cli_many_close(struct cli_many *self)
{
	while (self->n)
		drop_last(self);
	free(self->members);
	free(self->foreign);
	*self = (struct cli_many){ 0 };
}

size_t cli_many_running(const struct cli_many *self)
{
	size_t n = 0;

	for (size_t i = 0; i < self->n; i++)
		n += self->members[i]->pid && !self->members[i]->ended;
	return n;
}

/* ---- reading ------------------------------------------------------------------- */

/* Tell what is the matter with one of many; the others go on. */
static void tell(struct cli_member *member, const struct tm_err *err)
{
	if (err->kind == TM_ERR_GONE) {
		member->ended = true;
		cli_note("%s: has ended", member->source.object);
	} else if (err->kind != TM_ERR_NOT_TRACED) {
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
	member->fresh = cli_source_sample(&member->source, self->options, last);
	if (member->fresh)
		return cli_source_status(&member->source);
	tell(member, last);
	return last->kind == TM_ERR_GONE || last->kind == TM_ERR_NOT_TRACED
		? CLI_DONE : CLI_PARTIAL;
}

int cli_many_read(struct cli_many *self)
{
	struct tm_err err = { 0 };
	int status = CLI_DONE;
	size_t fresh = 0;

	for (size_t i = 0; i < self->n; i++) {
		int one = read_member(self, self->members[i], &err);

		status = one ? one : status;
		fresh += self->members[i]->fresh;
	}
	if (fresh > 0)
		return status;
	if (self->n == 0) {
		tm_err_set(&err, TM_ERR_GONE, self->options->nsources
			   ? self->options->sources[0].text : "",
			   "there is no process to read");
		cli_error(&err, CLI_ABOUT_PROCESS);
	}
	return (int)cli_exit_status(&err, CLI_ABOUT_PROCESS);
}

/* ---- together -------------------------------------------------------------------- */

bool cli_parts_get(const struct cli_many *self, struct cli_parts *ret,
		   struct tm_err *err)
{
	*ret = (struct cli_parts){
		.snapshots = tm_calloc(self->n + 1, sizeof(*ret->snapshots)),
		.files = tm_calloc(self->n + 1, sizeof(*ret->files)),
	};
	for (size_t i = 0; i < self->n; i++) {
		const struct cli_source *source = &self->members[i]->source;

		if (!self->members[i]->fresh)
			continue;
		ret->snapshots[ret->n] = source->snapshot;
		ret->files[ret->n++] = source->file;
	}
	ret->merged = tm_snapshot_merge(ret->snapshots, ret->n, err);
	return ret->merged != NULL;
}

void cli_parts_free(struct cli_parts *parts)
{
	tm_snapshot_destroy(parts->merged);
	free(parts->snapshots);
	free(parts->files);
	*parts = (struct cli_parts){ 0 };
}
