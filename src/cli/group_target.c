#include "cli/groups.h"

#include <string.h>

#include "base/alloc.h"
#include "cli/number.h"

/* Options without a short form. */
enum {
	OPT_NAME = 0x100,
	OPT_EXE,
	OPT_FREEZE,
	OPT_NO_FORK,
	OPT_RECORDER,
};

static const struct argp_option target_options[] = {
	OPTION("pid", 'p', "PID[,PID...]", "These processes, as a SOURCE"),
	OPTION("name", OPT_NAME, "NAME", "The one process of this name: its "
	       "command, its program's file, or the script Python runs"),
	OPTION("exe", OPT_EXE, "FILE", "The executable of a core file, where "
	       "the one named in the core is not at hand"),
	OPTION("freeze", OPT_FREEZE, NULL,
	       "Read from a frozen copy of the process, or fail"),
	OPTION("no-fork", OPT_NO_FORK, NULL,
	       "Read while the process is stopped, without a copy"),
	OPTION("recorder", OPT_RECORDER, NULL,
	       "Use the native recorder, in a CPython process too"),
	OPTION("verbose", 'v', NULL, "Say on stderr what is done"),
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
		cli_usage(state, word, "not a process id");
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
	if (is_address(state->input, word))
		set_address(state, word);
	else if (word[0] && word[strspn(word, "0123456789")] == '\0')
		add_pid(state, word);
	else
		*add_source(state->input) = (struct cli_source_spec){
			.by = CLI_BY_FILE, .text = word,
		};
}

static error_t parse_target(int key, char *arg, struct argp_state *state)
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
	case OPT_EXE:
		o->exe = arg;
		break;
	case OPT_FREEZE:
	case OPT_NO_FORK:
		if (o->session.freeze != TM_FREEZE_AUTO)
			cli_usage(state, "--freeze, --no-fork", "only one of them");
		o->session.freeze = key == OPT_FREEZE ? TM_FREEZE_FORCE :
							TM_FREEZE_NEVER;
		break;
	case OPT_RECORDER:
		o->session.use_recorder = true;
		break;
	case 'v':
		o->verbose = true;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

const struct argp cli_target_argp = {
	.options = target_options,
	.parser = parse_target,
};
