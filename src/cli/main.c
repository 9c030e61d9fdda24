#include <ctype.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/completion.h"
#include "cli/message.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/stack.h"
#include "cli/version.h"

static bool no_memory(size_t size)
{
	(void)size;
	fputs("tmattach: out of memory\n", stderr);
	_exit(CLI_FAILED);
}

static int run_command(const struct cli_command *command, int argc, char **argv)
{
	struct cli_options options;
	int status;

	cli_options_parse(&options, command, argc, argv);
	status = command->run(&options);
	cli_options_deinit(&options);
	return status;
}

static int print_help(void)
{
	puts("Usage: tmattach [OPTION...] PID\n"
	     "  or:  tmattach COMMAND [OPTION...]\n"
	     "See where a running process allocated its memory: Python's "
	     "tracemalloc, from\noutside the process, and the same for native "
	     "programs.\n\n"
	     "Commands:");
	for (size_t i = 0; i < cli_command_count(); i++)
		printf("  %-11s %s\n", cli_command_at(i)->name,
		       cli_command_at(i)->summary);
	puts("\n`tmattach PID' is `tmattach top PID', the live view; "
	     "`tmattach COMMAND --help'\n"
	     "lists the options of a command; -V, --version shows the version.\n\n"
	     "Examples:\n"
	     "  tmattach ps\n"
	     "  tmattach start --nframe 25 4711\n"
	     "  tmattach 4711\n"
	     "  tmattach stats --name app.py\n\n"
	     "Exit status: 0 done, 1 failed, 2 usage, 3 the process is not being "
	     "traced, 4 it\ncannot be attached to, 5 the snapshot is partial.");
	return cli_output_finish(CLI_DONE);
}

static bool is_one_of(const char *word, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(*words, word) == 0)
			return true;
	return false;
}

/* A PID, an option or a file instead of a command means the view. */
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
			   "no such command, and no such file");
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

static int run_line(int argc, char **argv)
{
	static const char *const help[] = { "--help", "--usage", "-h", "-?", NULL };
	static const char *const version[] = { "--version", "-V", NULL };
	const struct cli_command *command;

	if (argc < 2)
		return no_command(NULL);
	/* For the build; no user needs to know it. */
	if (argc == 3 && strcmp(argv[1], "--completion") == 0 &&
	    cli_completion_print(argv[2]))
		return cli_output_finish(CLI_DONE);
	if (is_one_of(argv[1], help))
		return print_help();
	if (is_one_of(argv[1], version))
		return cli_print_version();
	command = cli_command_find(argv[1]);
	if (command)
		return run_command(command, argc - 1, argv + 1);
	if (means_top(argv[1]))
		return run_command(cli_command_find("top"), argc, argv);
	return no_command(argv[1]);
}

int main(int argc, char **argv)
{
	occupy_standard_descriptors();
	tm_on_out_of_memory(no_memory);
	cli_ignore_write_signals();
	return cli_with_stack(run_line, argc, argv);
}
