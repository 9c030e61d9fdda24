#include "cli/command.h"

#include <string.h>

#define COMMAND(id) extern const struct cli_command command_##id;
#include "cli/commands.def"
#undef COMMAND

static const struct cli_command *const commands[] = {
#define COMMAND(id) &command_##id,
#include "cli/commands.def"
#undef COMMAND
};

size_t cli_command_count(void)
{
	return sizeof(commands) / sizeof(commands[0]);
}

const struct cli_command *cli_command_at(size_t i)
{
	return commands[i];
}

const struct cli_command *cli_command_find(const char *name)
{
	for (size_t i = 0; i < cli_command_count(); i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}
