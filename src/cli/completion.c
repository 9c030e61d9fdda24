#include "cli/completion.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/guard.h"
#include "cli/groups.h"

/* What can follow an option, or be a word by itself. */
enum kind {
	KIND_NONE,   /* takes nothing */
	KIND_ANY,    /* something that cannot be guessed */
	KIND_FILE,
	KIND_DIR,
	KIND_PID,
	KIND_WORDS,  /* one of a list */
};

struct value {
	enum kind kind;
	struct tm_buf words; /* with blanks between them */
};

static void free_value(struct value *value)
{
	tm_buf_free(&value->words);
}

static void add_word(struct tm_buf *words, const char *word)
{
	tm_buf_addf(words, "%s%s", words->len ? " " : "", word);
}

static void add_codecs(struct tm_buf *words)
{
	for (size_t i = 0; i < tm_codec_count(); i++)
		if (tm_codec_at(i)->write)
			add_word(words, tm_codec_at(i)->name);
}

static void add_keys(struct tm_buf *words)
{
	const char *name;

	for (int key = 0; (name = tm_key_name((enum tm_key)key)); key++)
		add_word(words, name);
}

static struct value value_of(const struct cli_command *command,
			     const struct argp_option *option)
{
	struct value value = { .kind = option->arg ? KIND_ANY : KIND_NONE };

	if (!option->arg)
		return value;
	if (strcmp(option->arg, "FILE") == 0)
		value.kind = KIND_FILE;
	else if (strcmp(option->arg, "DIR") == 0)
		value.kind = KIND_DIR;
	else if (strncmp(option->arg, "PID", 3) == 0)
		value.kind = KIND_PID;
	else if (strcmp(option->arg, "KEY") == 0 && command->groups & CLI_OBJECTS)
		add_word(&value.words, "type module root");
	else if (strcmp(option->arg, "KEY") == 0)
		add_keys(&value.words);
	else if (strcmp(option->arg, "FORMAT") == 0 &&
		 command->groups & CLI_REPORT)
		add_word(&value.words, cli_formats(command));
	else if (strcmp(option->arg, "FORMAT") == 0)
		add_codecs(&value.words);
	if (value.words.len)
		value.kind = KIND_WORDS;
	return value;
}

static bool has_short(const struct argp_option *option)
{
	return option->key < 128 && isgraph(option->key);
}

static void each_option(const struct cli_command *command,
			void (*print)(const struct cli_command *command,
				      const struct argp_option *option))
{
	TM_GUARD(tm_free_ptr) struct argp_option *rows =
		cli_command_options(command);

	/* Headings and aliases have no name. */
	for (const struct argp_option *o = rows; o->name || o->key || o->doc; o++)
		if (o->name)
			print(command, o);
}

/* Backslashes before what the quotes around it would take; ' is written '\''. */
static void print_quoted(const char *text, const char *special)
{
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\''", stdout);
		else if (strchr(special, *text))
			printf("\\%c", *text);
		else
			putchar(*text);
	}
}

/* ---- bash ---------------------------------------------------------------------- */

static void bash_word(const struct cli_command *command,
		      const struct argp_option *option)
{
	(void)command;
	printf(" --%s", option->name);
	if (has_short(option))
		printf(" -%c", option->key);
}

static void bash_value(const struct cli_command *command,
		       const struct argp_option *option)
{
	TM_GUARD(free_value) struct value value = value_of(command, option);

	if (value.kind == KIND_NONE)
		return;
	printf("\t%s/--%s", command->name, option->name);
	if (has_short(option))
		printf("|%s/-%c", command->name, option->key);
	fputs(") ", stdout);
	if (value.kind == KIND_FILE)
		fputs("_tmattach_files -f", stdout);
	else if (value.kind == KIND_DIR)
		fputs("_tmattach_files -d", stdout);
	else if (value.kind == KIND_PID)
		fputs("words=$(_tmattach_pids)", stdout);
	else if (value.kind == KIND_WORDS)
		printf("words='%s'", value.words.data);
	else
		fputs("COMPREPLY=()", stdout);
	puts("; done=1;;");
}

static void print_bash(void)
{
	puts("# bash completion for tmattach\n"
	     "_tmattach_pids() {\n"
	     "\ttmattach ps -f csv 2>/dev/null | sed '1d;s/,.*//'\n"
	     "}\n"
	     "_tmattach_files() {\n"
	     "\tcompopt -o filenames 2>/dev/null\n"
	     "\tmapfile -t COMPREPLY < <(compgen \"$1\" -- \"$cur\")\n"
	     "}\n"
	     "_tmattach() {\n"
	     "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
	     "\tlocal command=${COMP_WORDS[1]} words= done=\n"
	     "\tCOMPREPLY=()\n"
	     "\tif [ \"$cur\" = = ]; then cur=; fi\n"
	     "\tif [ \"$prev\" = = ]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi\n"
	     "\tif [ \"$COMP_CWORD\" -eq 1 ]; then");
	fputs("\t\twords='--help --usage --version", stdout);
	for (size_t i = 0; i < cli_command_count(); i++)
		printf(" %s", cli_command_at(i)->name);
	puts("'\n\t\tcase $cur in [0-9]*) words=$(_tmattach_pids);; esac\n"
	     "\t\tdone=1\n\tfi\n"
	     "\t[ \"$done\" ] || case $command/$prev in");
	for (size_t i = 0; i < cli_command_count(); i++)
		each_option(cli_command_at(i), bash_value);
	puts("\tesac\n\tif [ -z \"$done\" ]; then\n\t\tcase $cur in\n"
	     "\t\t-*) case $command in");
	for (size_t i = 0; i < cli_command_count(); i++) {
		printf("\t\t\t%s) words='", cli_command_at(i)->name);
		each_option(cli_command_at(i), bash_word);
		puts("';;");
	}
	puts("\t\t\tesac;;\n"
	     "\t\t[0-9]*) words=$(_tmattach_pids);;\n"
	     "\t\t*) _tmattach_files -f;;\n"
	     "\t\tesac\n\tfi\n"
	     "\t[ -z \"$words\" ] || mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
	     "}\n"
	     "complete -F _tmattach tmattach");
}

/* ---- zsh ------------------------------------------------------------------------- */

static void zsh_action(const struct value *value, const char *name)
{
	printf(":%s:", name);
	if (value->kind == KIND_FILE)
		fputs("_files", stdout);
	else if (value->kind == KIND_DIR)
		fputs("_files -/", stdout);
	else if (value->kind == KIND_PID)
		fputs("_tmattach_pids", stdout);
	else if (value->kind == KIND_WORDS)
		printf("(%s)", value->words.data);
	else
		putchar(' ');
}

/* '*--key=[doc]:KEY:(a b)', once for each form: options may be repeated. */
static void zsh_form(const struct argp_option *option, const struct value *value,
		     bool is_short)
{
	fputs(" \\\n\t\t\t'*", stdout);
	if (is_short)
		printf("-%c%s", option->key, option->arg ? "+" : "");
	else
		printf("--%s%s", option->name, option->arg ? "=" : "");
	putchar('[');
	print_quoted(option->doc, "[]\\:");
	putchar(']');
	if (value->kind != KIND_NONE) {
		char name[32];

		snprintf(name, sizeof(name), "%.*s",
			 (int)strcspn(option->arg, "[:"), option->arg);
		zsh_action(value, name);
	}
	putchar('\'');
}

static void zsh_option(const struct cli_command *command,
		       const struct argp_option *option)
{
	TM_GUARD(free_value) struct value value = value_of(command, option);

	if (has_short(option))
		zsh_form(option, &value, true);
	zsh_form(option, &value, false);
}

static void print_zsh(void)
{
	puts("#compdef tmattach\n"
	     "_tmattach_pids() {\n"
	     "\tlocal -a pids\n"
	     "\tpids=(${(f)\"$(tmattach ps -f csv 2>/dev/null | sed '1d;s/,.*//')\"})\n"
	     "\tcompadd -a pids\n"
	     "}\n"
	     "_tmattach_sources() { _alternative 'pids:process:_tmattach_pids' 'files:file:_files' }\n"
	     "_tmattach() {\n"
	     "\tlocal -a commands\n\tcommands=(");
	for (size_t i = 0; i < cli_command_count(); i++) {
		printf("\t\t'%s:", cli_command_at(i)->name);
		print_quoted(cli_command_at(i)->summary, "");
		puts("'");
	}
	puts("\t)\n"
	     "\tif (( CURRENT == 2 )); then\n"
	     "\t\t_describe command commands\n"
	     "\t\t_tmattach_sources\n"
	     "\t\treturn\n"
	     "\tfi\n"
	     "\tlocal command=$words[2]\n"
	     "\tshift words\n"
	     "\t(( CURRENT-- ))\n"
	     "\tcase $command in");
	for (size_t i = 0; i < cli_command_count(); i++) {
		printf("\t%s)\n\t\t_arguments -s", cli_command_at(i)->name);
		each_option(cli_command_at(i), zsh_option);
		puts(" \\\n\t\t\t'*:source:_tmattach_sources';;");
	}
	puts("\tesac\n}\n_tmattach \"$@\"");
}

/* ---- fish -------------------------------------------------------------------------- */

static void fish_option(const struct cli_command *command,
			const struct argp_option *option)
{
	TM_GUARD(free_value) struct value value = value_of(command, option);

	printf("complete -c tmattach -n '__fish_seen_subcommand_from %s'",
	       command->name);
	if (has_short(option))
		printf(" -s %c", option->key);
	printf(" -l %s -d '", option->name);
	/* Single quotes of fish know only \' and \\. */
	for (const char *p = option->doc; *p; p++)
		printf(*p == '\'' || *p == '\\' ? "\\%c" : "%c", *p);
	putchar('\'');
	if (value.kind == KIND_FILE)
		fputs(" -r -F", stdout);
	else if (value.kind == KIND_DIR)
		fputs(" -x -a '(__fish_complete_directories)'", stdout);
	else if (value.kind == KIND_PID)
		fputs(" -x -a '(__tmattach_pids)'", stdout);
	else if (value.kind == KIND_WORDS)
		printf(" -x -a '%s'", value.words.data);
	else if (value.kind == KIND_ANY)
		fputs(" -x", stdout);
	putchar('\n');
}

static void print_fish(void)
{
	puts("# fish completion for tmattach\n"
	     "function __tmattach_pids\n"
	     "\ttmattach ps -f csv 2>/dev/null | sed '1d;s/,.*//'\n"
	     "end\n"
	     "complete -c tmattach -a '(__tmattach_pids)'");
	for (size_t i = 0; i < cli_command_count(); i++) {
		printf("complete -c tmattach -n __fish_use_subcommand -a %s -d '",
		       cli_command_at(i)->name);
		print_quoted(cli_command_at(i)->summary, "");
		puts("'");
	}
	for (size_t i = 0; i < cli_command_count(); i++)
		each_option(cli_command_at(i), fish_option);
}

bool cli_completion_print(const char *shell)
{
	static const struct {
		const char *shell;
		void (*print)(void);
	} shells[] = {
		{ "bash", print_bash }, { "zsh", print_zsh }, { "fish", print_fish },
	};

	for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++)
		if (strcmp(shells[i].shell, shell) == 0) {
			shells[i].print();
			return true;
		}
	return false;
}
