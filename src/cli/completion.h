/* Shell completions, printed from the tables of commands and options. */
#ifndef TM_CLI_COMPLETION_H
#define TM_CLI_COMPLETION_H

#include <stdbool.h>

/* `tmattach --completion bash|zsh|fish`, at build time. False: no such shell. */
bool cli_completion_print(const char *shell);

#endif
