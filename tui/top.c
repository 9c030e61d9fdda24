#include "base/alloc.h"
#include "base/clock.h"
#include "tui.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "loop.h"
#include "terminal.h"

#define INTERVAL_MS 2000

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

	top->pids = tm_calloc(opts->nsources, sizeof(*top->pids));
	for (size_t i = 0; i < opts->nsources; i++)
		if (!opts->sources[i].snapshot) {
			top->state.sources[n].pid = opts->sources[i].pid;
			top->state.sources[n].child = opts->sources[i].child;
			top->nkept += !opts->sources[i].child;
			top->pids[n++] = opts->sources[i].pid;
		}
	top->ntargets = n;
	top->processes = (struct feed_processes){
		.pids = tm_memdup(top->pids, n * sizeof(*top->pids)), .n = n,
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
		loop_ask_table(top); /* files are there already */
	loop_wait_for_opening(top);
	if (loop_refused(top, err))
		return false;
	if (!term_open(err))
		return false;
	loop_resize(top);
	return loop_run(top, err);
}

static void top_init(struct top *top, const struct tm_top_opts *opts)
{
	struct state_opts state = {
		.pages = pages,
		.nsources = opts->nsources,
		.key = opts->key,
		.cumulative = opts->cumulative,
		.skip = opts->skip,
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
	top->state.now_ms = tm_now_ms();
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
	/* Out of memory aborts: the handler of SIGABRT restores the terminal. */
	tm_on_out_of_memory(NULL);
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
