#include "cli/many.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "cli/below.h"
#include "cli/listing.h"
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

/* Do not report shells between a server and its workers. */
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
	/* A shell may become a Python by exec(). */
	if (err.kind == TM_ERR_GONE || err.kind == TM_ERR_NO_RUNTIME)
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
	for (size_t i = 0; i < self->nwrappers; i++)
		if (cli_process_descends(all, pid, self->wrappers[i]))
			return true;
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

/* We cannot see processes exit that we are not attached to. */
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
	for (size_t i = 0; i < self->nwrappers; i++) /* it may have called exec() */
		add_found(self, self->wrappers[i]);
	if (self->options->children)
		add_children(self, &all);
}

static bool has_python_below(pid_t pid)
{
	TM_GUARD(cli_processes_free) struct cli_processes all = { 0 };
	TM_GUARD(tm_free_ptr) pid_t *pids = NULL;
	size_t n;

	cli_processes_read(&all);
	pids = cli_pythons_below(&all, pid, &n);
	return n > 0;
}

static bool is_bare(pid_t pid, struct tm_err *err)
{
	struct tm_session *session = tm_session_open(pid, NULL, err);

	tm_session_close(session);
	return !session && err->kind == TM_ERR_NO_RUNTIME;
}

/* From now on processes need not run Python. */
static void take_natives(struct cli_many *self)
{
	self->own = *self->options;
	self->own.session.allow_native = true;
	self->options = &self->own;
}

/* With --children it need not run Python itself; else what is below it is taken. */
static int add_without_python(struct cli_many *self, pid_t pid, const struct tm_err *why)
{
	int status;

	if (!self->options->children) {
		status = cli_take_below(pid, why, self->options, &pid);
		if (status == CLI_DONE)
			add_found(self, pid);
		return status;
	}
	self->wrappers = tm_grow(self->wrappers, &self->wrappers_cap, self->nwrappers + 1,
				 sizeof(*self->wrappers));
	self->wrappers[self->nwrappers++] = pid;
	return CLI_DONE;
}

static bool is_native(struct tm_session *session)
{
	struct tm_status status;
	struct tm_err err;

	return tm_session_status(session, &status, &err) && status.kind == TM_RUNTIME_NATIVE;
}

/* `session`: NULL if it has neither Python nor a recorder. */
static bool is_native_tree(const struct cli_many *self, pid_t pid, struct tm_session *session)
{
	return self->native_too && !self->own.session.allow_native &&
	       (!session || is_native(session)) && !has_python_below(pid);
}

static int add_process(struct cli_many *self, pid_t pid)
{
	struct cli_member *member;
	struct tm_err err;

	if (is_known(self, pid))
		return CLI_DONE;
	if (self->unattached) {
		if (!self->options->session.use_recorder && is_bare(pid, &err) &&
		    has_python_below(pid))
			return add_without_python(self, pid, &err);
		add_member(self, pid);
		return CLI_DONE;
	}
	member = add_member(self, pid);
	if (cli_source_attach(&member->source, pid, self->options, &err)) {
		if (is_native_tree(self, pid, member->source.session))
			take_natives(self);
		return CLI_DONE;
	}
	drop_last(self);
	if (err.kind != TM_ERR_NO_RUNTIME)
		return cli_error(&err, CLI_ABOUT_PROCESS);
	if (is_native_tree(self, pid, NULL)) {
		take_natives(self);
		return add_process(self, pid);
	}
	return add_without_python(self, pid, &err);
}

static int add_spec(struct cli_many *self, const struct cli_source_spec *spec)
{
	pid_t pid = spec->pid;
	int status;

	if (spec->by == CLI_BY_FILE) {
		status = cli_source_open(&add_member(self, 0)->source, spec, self->options);
		if (status)
			drop_last(self);
		return status;
	}
	if (spec->by == CLI_BY_NAME) {
		if (self->by_name)
			return CLI_DONE;
		status = cli_find_process(spec->text, self->options, &pid);
		if (status)
			return status;
	}
	return add_process(self, pid);
}

bool cli_many_has_names(const struct cli_options *options)
{
	for (size_t i = 0; i < options->nsources; i++)
		if (options->sources[i].by == CLI_BY_NAME)
			return true;
	return false;
}

/* The processes below a shell or the like are used: say so. */
static int check_wrappers(const struct cli_many *self)
{
	struct tm_err err;
	char object[32];

	if (self->nwrappers == 0)
		return CLI_DONE;
	snprintf(object, sizeof(object), "pid %d", (int)self->wrappers[0]);
	if (self->n > 0) {
		cli_note("%s: not a Python process; using the processes below it that run Python", object);
		return CLI_DONE;
	}
	tm_err_set(&err, TM_ERR_NO_RUNTIME, object,
		   "not a Python process, and no process below it is one");
	return cli_error(&err, CLI_ABOUT_PROCESS);
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
	return check_wrappers(ret);
}

void cli_many_close(struct cli_many *self)
{
	while (self->n)
		drop_last(self);
	free(self->members);
	free(self->foreign);
	free(self->wrappers);
	tm_family_destroy(self->family);
	*self = (struct cli_many){ 0 };
}

size_t cli_many_running(const struct cli_many *self)
{
	size_t n = 0;

	for (size_t i = 0; i < self->n; i++)
		n += self->members[i]->pid && !self->members[i]->ended;
	for (size_t i = 0; i < self->nwrappers; i++)
		n += kill(self->wrappers[i], 0) == 0 || errno == EPERM;
	return n;
}
