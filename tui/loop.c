#include "loop.h"

#include <errno.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "apply.h"
#include "terminal.h"
#include "view.h"

#define OPENING_MS 60
/* Messages go away by themselves. */
#define CLOCK_MS 500

/* ---- reactions --------------------------------------------------------------------- */

void loop_ask_table(struct top *top)
{
	struct table_query query;

	state_query(&top->state, &query);
	worker_query(top->worker, &query);
}

static void ask_objects(struct top *top)
{
	struct objects_query query;

	state_objects_query(&top->state, &query);
	worker_objects(top->worker, &query);
}

static void ask_save(struct top *top)
{
	struct state *state = &top->state;
	struct snap **snaps = tm_calloc(state->nsources, sizeof(*snaps));

	for (size_t i = 0; i < state->nsources; i++)
		if (state_in_scope(state, i))
			snaps[i] = snap_get(state->sources[i].latest);
	worker_save(top->worker, snaps, state->nsources, state->save_path,
		    state->save_overwrite);
}

static void ask_sampler(struct top *top, unsigned reactions)
{
	const struct state *state = &top->state;

	if (!top->sampler)
		return;
	if (reactions & R_INTERVAL)
		sampler_interval(top->sampler, state->interval_ms, state->paused);
	if (reactions & R_SAMPLE)
		sampler_now(top->sampler);
	for (enum request r = 0; r < REQUEST_COUNT; r++)
		if (reactions & R_ASK(r))
			sampler_ask(top->sampler, state->scope, r, state->nframe);
}

static void suspend(struct top *top)
{
	sigset_t stop, old;

	term_leave();
	/* No target may be stopped while we are. */
	if (top->sampler)
		sampler_hold(top->sampler);
	sigemptyset(&stop);
	sigaddset(&stop, SIGTSTP);
	raise(SIGTSTP);
	pthread_sigmask(SIG_UNBLOCK, &stop, &old); /* here we stop */
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (top->sampler)
		sampler_release(top->sampler);
	term_return();
}

static void draw(struct top *top)
{
	struct line_list wanted;

	view_draw(&top->state, &top->state.lines, &top->screen);
	lines_take_wanted(&top->state.lines, &wanted);
	if (wanted.n)
		worker_lines(top->worker, &wanted, top->state.scope);
	term_draw(&top->screen);
}

void loop_resize(struct top *top)
{
	struct event event = { .kind = EV_RESIZE };

	term_size(&event.size.rows, &event.size.cols);
	state_apply(&top->state, &event);
}

static void react(struct top *top, unsigned reactions)
{
	const struct tm_stat *selected = state_selected(&top->state);

	if (reactions & R_QUERY)
		loop_ask_table(top);
	if ((reactions & R_DETAIL) && selected)
		worker_detail(top->worker, top->state.table, selected);
	if (reactions & R_LOOK_INTO)
		ask_objects(top);
	if (reactions & R_SAVE)
		ask_save(top);
	ask_sampler(top, reactions);
	if (reactions & R_SUSPEND) {
		suspend(top);
		loop_resize(top);
	}
	if (reactions & R_REPAINT)
		term_repaint();
}

/* ---- events ------------------------------------------------------------------------- */

static unsigned apply(struct top *top, struct event *event)
{
	struct table *old = event->kind == EV_TABLE ?
			    table_get(top->state.table) : NULL;
	unsigned reactions = state_apply(&top->state, event);

	if (event->kind == EV_ADDED)
		worker_source(top->worker, event->source, event->pid);
	worker_drop(top->worker, old);
	return reactions;
}

static unsigned drain_queue(struct top *top)
{
	unsigned reactions = 0;
	struct event *event;

	while ((event = queue_pop(top->queue))) {
		reactions |= apply(top, event);
		event_destroy(event);
	}
	return reactions;
}

/* Each key sees what the one before it did, so reactions are not gathered. */
static unsigned drain_keys(struct top *top)
{
	unsigned all = 0;
	struct event event;

	while (!(all & R_QUIT) && term_read(&event)) {
		unsigned reactions = apply(top, &event);

		react(top, reactions & ~(unsigned)R_QUERY);
		all |= reactions & (R_QUERY | R_DRAW | R_QUIT);
	}
	return all;
}

static unsigned drain_signals(struct top *top)
{
	struct signalfd_siginfo info;
	unsigned reactions = 0;

	while (read(top->signals, &info, sizeof(info)) == sizeof(info)) {
		switch (info.ssi_signo) {
		case SIGWINCH:
			term_resized();
			loop_resize(top);
			reactions |= R_DRAW;
			break;
		case SIGCONT:
			term_return();
			loop_resize(top);
			reactions |= R_DRAW;
			break;
		case SIGTSTP:
			reactions |= R_SUSPEND | R_DRAW;
			break;
		case SIGINT:
			reactions |= R_QUIT;
			break;
		default: /* SIGTERM, SIGHUP, SIGQUIT */
			top->ended_by = (int)info.ssi_signo;
			reactions |= R_QUIT;
		}
	}
	return reactions;
}

bool loop_refused(const struct top *top, struct tm_err *err)
{
	for (size_t i = 0; i < top->state.nsources; i++) {
		const struct source *source = &top->state.sources[i];

		if (source->is_file || source->opened || source->replaced ||
		    !source->gone)
			return false;
	}
	*err = top->state.sources[0].failure;
	return true;
}

static bool settled(const struct top *top)
{
	for (size_t i = 0; i < top->state.nsources; i++) {
		const struct source *source = &top->state.sources[i];

		if (!source->is_file && !source->opened &&
		    source->failure.kind == TM_ERR_NONE)
			return false;
	}
	return true;
}

void loop_wait_for_opening(struct top *top)
{
	uint64_t end = tm_now_ms() + OPENING_MS, now;

	while (!settled(top) && (now = tm_now_ms()) < end) {
		struct pollfd fd = { .fd = queue_fd(top->queue), .events = POLLIN };

		poll(&fd, 1, (int)(end - now));
		react(top, drain_queue(top));
	}
}

static unsigned wait_and_drain(struct top *top)
{
	struct pollfd fds[] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = top->signals, .events = POLLIN },
		{ .fd = queue_fd(top->queue), .events = POLLIN },
	};
	struct event tick = { .kind = EV_CLOCK };
	unsigned reactions;

	if (poll(fds, 3, CLOCK_MS) < 0 && errno != EINTR)
		return R_QUIT;
	tick.at_ms = tm_now_ms();
	reactions = apply(top, &tick);
	if (fds[0].revents)
		reactions |= drain_keys(top);
	if (fds[1].revents)
		reactions |= drain_signals(top);
	if (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL)) {
		top->lost = true;
		reactions |= R_QUIT;
	}
	reactions |= drain_queue(top);
	return reactions;
}

bool loop_run(struct top *top, struct tm_err *err)
{
	unsigned reactions = R_DRAW;

	for (;;) {
		if (reactions & R_QUIT)
			return true;
		if (loop_refused(top, err))
			return false;
		react(top, reactions);
		if (reactions & (R_DRAW | R_REPAINT | R_SUSPEND))
			draw(top);
		reactions = wait_and_drain(top);
	}
}
