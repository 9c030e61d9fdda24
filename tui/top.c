#include "tmattach/top.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "sampler.h"
#include "state.h"
#include "terminal.h"
#include "view.h"
#include "worker.h"
#include "xalloc.h"

#define INTERVAL_MS 2000
/* How long to wait for the answer of a target before anything is drawn: a
 * refusal should not flash a screen. */
#define OPENING_MS 60
/* Messages go away by themselves. */
#define CLOCK_MS 500

struct top {
	const struct tm_top_opts *opts;
	struct state state;
	struct screen screen;
	struct queue *queue;
	struct sampler *sampler; /* NULL: only files */
	struct worker *worker;
	pid_t *pids;             /* of the sources given; 0: a file */
	struct feed_processes processes; /* the first of them, and new ones */
	size_t ntargets;         /* processes among the sources given, */
	size_t nkept;            /* and those of them that are no children */
	int signals;
	sigset_t old_mask;
	int ended_by;            /* a signal to die of; 0: none */
	bool lost;               /* the terminal is gone */
};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* ---- reactions --------------------------------------------------------------------- */

static void ask_table(struct top *top)
{
	struct table_query query;

	state_query(&top->state, &query);
	worker_query(top->worker, &query);
}

static void ask_save(struct top *top)
{
	struct state *state = &top->state;
	struct snap **snaps = xcalloc(state->nsources, sizeof(*snaps));

	for (size_t i = 0; i < state->nsources; i++)
		if (state_in_scope(state, i))
			snaps[i] = snap_get(state->sources[i].latest);
	worker_save(top->worker, snaps, state->nsources, state->save_path,
		    state->save_overwrite);
}

static void ask_sampler(struct top *top, unsigned reactions)
{
	static const struct { unsigned reaction; enum request request; } asks[] = {
		{ R_RESET_PEAK, REQUEST_RESET_PEAK },
		{ R_START, REQUEST_START },
		{ R_RECORD, REQUEST_RECORD },
		{ R_CLEAR, REQUEST_CLEAR },
		{ R_STOP, REQUEST_STOP },
		{ R_THREADS, REQUEST_THREADS },
	};
	const struct state *state = &top->state;

	if (!top->sampler)
		return;
	if (reactions & R_INTERVAL)
		sampler_interval(top->sampler, state->interval_ms, state->paused);
	if (reactions & R_SAMPLE)
		sampler_now(top->sampler);
	for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++)
		if (reactions & asks[i].reaction)
			sampler_ask(top->sampler, state->scope, asks[i].request,
				    state->nframe);
}

static void suspend(struct top *top)
{
	sigset_t stop, old;

	term_leave();
	/* No target may stand still while we do. */
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

static void resize(struct top *top)
{
	struct event event = { .kind = EV_RESIZE };

	term_size(&event.size.rows, &event.size.cols);
	state_apply(&top->state, &event);
}

static void react(struct top *top, unsigned reactions)
{
	const struct tm_stat *selected = state_selected(&top->state);

	if (reactions & R_QUERY)
		ask_table(top);
	if ((reactions & R_DETAIL) && selected)
		worker_detail(top->worker, top->state.table, selected);
	if (reactions & R_SAVE)
		ask_save(top);
	ask_sampler(top, reactions);
	if (reactions & R_SUSPEND) {
		suspend(top);
		resize(top);
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
			resize(top);
			reactions |= R_DRAW;
			break;
		case SIGCONT:
			term_return();
			resize(top);
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

static unsigned tick(struct top *top)
{
	struct event event = { .kind = EV_CLOCK, .at_ms = now_ms() };

	return apply(top, &event);
}

/* Not one source could be attached to, and there is no hope. */
static bool refused(const struct top *top, struct tm_err *err)
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

static void wait_for_opening(struct top *top)
{
	uint64_t end = now_ms() + OPENING_MS, now;

	while (!settled(top) && (now = now_ms()) < end) {
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
	unsigned reactions;

	if (poll(fds, 3, CLOCK_MS) < 0 && errno != EINTR)
		return R_QUIT;
	reactions = tick(top);
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

static bool loop(struct top *top, struct tm_err *err)
{
	unsigned reactions = R_DRAW;

	for (;;) {
		if (reactions & R_QUIT)
			return true;
		if (refused(top, err))
			return false;
		react(top, reactions);
		if (reactions & (R_DRAW | R_REPAINT | R_SUSPEND))
			draw(top);
		reactions = wait_and_drain(top);
	}
}

/* ---- setting up ------------------------------------------------------------------------ */

/* Blocked before any thread exists, so that only the loop sees them. */
static void catch_signals(struct top *top)
{
	static const int wanted[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP,
				      SIGCONT, SIGWINCH };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		sigaddset(&set, wanted[i]);
	pthread_sigmask(SIG_BLOCK, &set, &top->old_mask);
	top->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Processes come first, as the sampler numbers them; files follow. */
static void add_sources(struct top *top)
{
	const struct tm_top_opts *opts = top->opts;
	size_t n = 0;

	top->pids = xcalloc(opts->nsources, sizeof(*top->pids));
	for (size_t i = 0; i < opts->nsources; i++)
		if (!opts->sources[i].snapshot) {
			top->state.sources[n].pid = opts->sources[i].pid;
			top->state.sources[n].child = opts->sources[i].child;
			top->nkept += !opts->sources[i].child;
			top->pids[n++] = opts->sources[i].pid;
		}
	top->ntargets = n;
	top->processes = (struct feed_processes){
		.pids = xmemdup(top->pids, n * sizeof(*top->pids)), .n = n,
		.another = opts->another, .another_ctx = opts->another_ctx,
	};
	for (size_t i = 0; i < opts->nsources; i++) {
		const struct tm_top_source *from = &opts->sources[i];
		struct source *source = &top->state.sources[n];

		if (!from->snapshot)
			continue;
		source->is_file = true;
		source->pid = 0;
		snprintf(source->name, sizeof(source->name), "%s",
			 from->name ? from->name : "snapshot");
		source->latest = snap_borrow(from->snapshot);
		n++;
	}
}

static bool start_threads(struct top *top, struct tm_err *err)
{
	struct sampler_opts opts = {
		.feed = feed_of_sessions(&top->processes),
		.ntargets = top->ntargets,
		.nkept = top->nkept,
		.first_added = top->opts->nsources,
		.interval_ms = top->state.interval_ms,
		.session = top->opts->session,
	};

	top->worker = worker_create(top->pids, top->opts->nsources, top->queue);
	if (top->worker && top->ntargets)
		top->sampler = sampler_create(&opts, top->queue);
	if (!top->worker || (top->ntargets && !top->sampler))
		return tm_err_os(err, errno, "live view", "cannot start a thread");
	return true;
}

static bool run(struct top *top, struct tm_err *err)
{
	if (!start_threads(top, err))
		return false;
	if (top->ntargets < top->opts->nsources)
		ask_table(top); /* files are there already */
	wait_for_opening(top);
	if (refused(top, err))
		return false;
	if (!term_open(err))
		return false;
	resize(top);
	return loop(top, err);
}

static void top_init(struct top *top, const struct tm_top_opts *opts)
{
	struct state_opts state = {
		.nsources = opts->nsources,
		.key = opts->key,
		.cumulative = opts->cumulative,
		.filters = opts->filters,
		.nfilters = opts->nfilters,
		.interval_ms = opts->interval > 0 ?
			       (uint64_t)(opts->interval * 1000 + 0.5) : INTERVAL_MS,
		.utf8 = term_utf8(),
	};

	if (state.interval_ms < 100)
		state.interval_ms = 100;
	*top = (struct top){ .opts = opts };
	state_init(&top->state, &state);
	top->state.now_ms = now_ms();
	screen_init(&top->screen, term_utf8());
	top->queue = queue_create();
	add_sources(top);
	catch_signals(top);
}

static void top_deinit(struct top *top)
{
	sampler_destroy(top->sampler);
	worker_destroy(top->worker);
	queue_destroy(top->queue);
	state_deinit(&top->state);
	screen_deinit(&top->screen);
	free(top->pids);
	free(top->processes.pids);
	close(top->signals);
}

bool tm_top_run(const struct tm_top_opts *opts, struct tm_err *err)
{
	const char *no_color = getenv("NO_COLOR");
	struct term_opts term = {
		.no_color = opts->no_color || (no_color && *no_color),
		.ascii = opts->ascii,
	};
	struct top top;
	bool ok;
	int ended_by;

	if (!term_prepare(&term, err))
		return false;
	top_init(&top, opts);
	ok = run(&top, err);
	/* The terminal first: a running sample may take its time. */
	term_close();
	top_deinit(&top);
	ended_by = top.lost && !top.ended_by ? SIGHUP : top.ended_by;
	if (ended_by) {
		signal(ended_by, SIG_DFL);
		raise(ended_by);
	}
	pthread_sigmask(SIG_SETMASK, &top.old_mask, NULL);
	return ok;
}
