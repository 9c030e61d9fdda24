#include <argp.h>
#include <ctype.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/guard.h"
#include "cli/command.h"
#include "cli/completion.h"
#include "cli/message.h"
#include "cli/options.h"
#include "cli/output.h"

static int run_command(const struct cli_command *command, int argc, char **argv)
{
	struct cli_options options;
	int status;

	cli_options_parse(&options, command, argc, argv);
	status = command->run(&options);
	cli_options_deinit(&options);
	return status;
}

/* `tmattach --help` and its like: never a command. */
static void run_general(int argc, char **argv)
{
	TM_GUARD(tm_buf_free) struct tm_buf doc = { 0 };
	struct argp argp = {
		.args_doc = "PID\nCOMMAND [OPTION...]",
	};

	tm_buf_adds(&doc, "See where a running Python process allocated its "
		    "memory: tracemalloc, from outside the process.\v"
		    "Commands:\n");
	for (size_t i = 0; i < cli_command_count(); i++)
		tm_buf_addf(&doc, "  %-11s %s\n", cli_command_at(i)->name,
			    cli_command_at(i)->summary);
	tm_buf_adds(&doc, "\n`tmattach PID' is `tmattach top PID'; `tmattach "
		    "COMMAND --help' describes a command.\n\n"
		    "Exit status: 0 done, 1 failed, 2 usage, 3 the process is "
		    "not being traced, 4 it cannot be attached to, 5 the "
		    "snapshot is partial.\n");
	argp.doc = doc.data;
	argp_parse(&argp, argc, argv, 0, NULL, NULL);
}

static bool is_general(const char *word)
{
	static const char *const options[] = {
		"--help", "-?", "--usage", "--version", "-V",
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (strcmp(options[i], word) == 0)
			return true;
	return false;
}

/* A PID, an option or a file in place of a command means the view. */
static bool means_top(const char *word)
{
	return word[0] == '-' || isdigit((unsigned char)word[0]) ||
	       access(word, F_OK) == 0;
}

static int no_command(const char *word)
{
	struct tm_err err;

	if (word)
		tm_err_set(&err, TM_ERR_USAGE, word,
			   "there is no such command, and no such file");
	else
		tm_err_set(&err, TM_ERR_USAGE, "usage",
			   "tmattach PID, or tmattach COMMAND [OPTION...]");
	tm_err_hint(&err, "`tmattach --help' lists the commands");
	return cli_error(&err, CLI_ABOUT_FILE);
}

/* A closed standard descriptor would be given to the next file opened, and
 * messages would go there. Reading and writing these fails, as it should. */
static void occupy_standard_descriptors(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
			_exit(CLI_FAILED);
}

int main(int argc, char **argv)
{
	const struct cli_command *command;

	occupy_standard_descriptors();
	/* A reader that leaves must not end us while a target is attached. */
	signal(SIGPIPE, SIG_IGN);
	argp_err_exit_status = CLI_USAGE;
	argp_program_version = "tmattach " TM_VERSION;
	if (argc < 2)
		return no_command(NULL);
	/* For the build; no user needs to know it. */
	if (argc == 3 && strcmp(argv[1], "--completion") == 0 &&
	    cli_completion_print(argv[2]))
		return cli_output_finish(CLI_DONE);
	if (is_general(argv[1])) {
		run_general(argc, argv);
		return no_command(NULL);
	}
	command = cli_command_find(argv[1]);
	if (command)
		return run_command(command, argc - 1, argv + 1);
	if (means_top(argv[1]))
		return run_command(cli_command_find("top"), argc, argv);
	return no_command(argv[1]);
}
