#include "cli/groups.h"

#include <string.h>

#include "base/alloc.h"
#include "cli/number.h"

static const struct argp_option process_options[] = {
	OPTION("pid", 'p', "PID[,PID...]", "Processes by their ids, in place "
	       "of words"),
	OPTION("name", OPT_NAME, "NAME", "The one process of this name: its "
	       "command, its program's file, the script or module Python runs, or "
	       "its title"),
	OPTION("verbose", 'v', NULL, "Report on stderr what is done"),
	OPTIONS_END,
};

static const struct argp_option read_options[] = {
	OPTION("freeze", OPT_FREEZE, NULL,
	       "Read from a frozen copy of the process, or fail"),
	OPTION("no-fork", OPT_NO_FORK, NULL,
	       "Read while the process is stopped, without a copy"),
	OPTIONS_END,
};

static const struct argp_option exe_options[] = {
	OPTION("exe", OPT_EXE, "FILE", "The executable of a core file, if the "
	       "one that the core names is not available"),
	OPTIONS_END,
};

static struct cli_source_spec *add_source(struct cli_options *o)
{
	o->sources = tm_reallocarray(o->sources, o->nsources + 1,
				     sizeof(*o->sources));
	return &o->sources[o->nsources++];
}

static void add_pid(const struct argp_state *state, const char *word)
{
	uint64_t pid;

	if (!cli_number(word, INT32_MAX, &pid) || pid == 0)
		cli_usage(state, "PID", "'%s' is not a process id", word);
	*add_source(state->input) = (struct cli_source_spec){
		.by = CLI_BY_PID, .pid = (pid_t)pid, .text = word,
	};
}

static void add_pids(const struct argp_state *state, char *list)
{
	char *word;

	while ((word = strsep(&list, ",")))
		add_pid(state, word);
}

/* The first word is the SOURCE unless an option gave it, or it is "0x...". */
static bool is_address(const struct cli_options *o, const char *word)
{
	return (o->command->groups & CLI_ADDRESS) &&
	       (o->nsources > 0 || strncasecmp(word, "0x", 2) == 0);
}

static void set_address(const struct argp_state *state, const char *word)
{
	struct cli_options *o = state->input;

	if (o->has_address)
		cli_usage(state, o->command->name, "takes %s, no more",
			  o->command->args);
	if (!cli_address(word, &o->address))
		cli_usage(state, word, "not an address: 0x and hexadecimal "
			  "digits, or a decimal number as id() gives it");
	o->has_address = true;
}

/* All digits is a PID, as for kill and strace. */
void cli_add_word(const struct argp_state *state, const char *word)
{
	struct cli_options *o = state->input;

	if ((o->command->groups & CLI_REFS) && o->nsources > 0 && !o->heap.what)
		o->heap.what = word;
	else if (is_address(state->input, word))
		set_address(state, word);
	else if (word[0] && word[strspn(word, "0123456789")] == '\0')
		add_pid(state, word);
	else if (word[0])
		*add_source(state->input) = (struct cli_source_spec){
			.by = CLI_BY_FILE, .text = word,
		};
	else
		cli_usage(state, "SOURCE", "'' is neither a process nor a file");
}

static error_t parse_process(int key, char *arg, struct argp_state *state)
{
	struct cli_options *o = state->input;

	switch (key) {
	case 'p':
		add_pids(state, arg);
		break;
	case OPT_NAME:
		*add_source(o) = (struct cli_source_spec){
			.by = CLI_BY_NAME, .text = arg,
		};
		break;
	case 'v':
		o->verbose = true;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static error_t parse_read(int key, char *arg, struct argp_state *state)
{
	struct cli_options *o = state->input;
	enum tm_freeze wanted = key == OPT_FREEZE ? TM_FREEZE_FORCE :
						    TM_FREEZE_NEVER;

	(void)arg;
	if (key != OPT_FREEZE && key != OPT_NO_FORK)
		return ARGP_ERR_UNKNOWN;
	if (o->session.freeze != TM_FREEZE_AUTO && o->session.freeze != wanted)
		cli_usage(state, "--freeze, --no-fork", "cannot be combined");
	o->session.freeze = wanted;
	return 0;
}

static error_t parse_exe(int key, char *arg, struct argp_state *state)
{
	struct cli_options *o = state->input;

	if (key != OPT_EXE)
		return ARGP_ERR_UNKNOWN;
	o->exe = arg;
	return 0;
}

const struct argp cli_process_argp = {
	.options = process_options,
	.parser = parse_process,
};

const struct argp cli_read_argp = {
	.options = read_options,
	.parser = parse_read,
};

const struct argp cli_exe_argp = {
	.options = exe_options,
	.parser = parse_exe,
};
