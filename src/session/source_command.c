#include "session/source_command.h"

#include <string.h>

/* Python/getopt.c. */
static const char with_word[] = "WXQ";
static const char *const long_with_word[] = { "--check-hash-based-pycs" };

static size_t words_of_long(const char *word)
{
	for (size_t i = 0; i < sizeof(long_with_word) / sizeof(long_with_word[0]); i++)
		if (strcmp(word, long_with_word[i]) == 0)
			return 2;
	return 1;
}

/* What follows an option's letter, or else the next word. */
static const char *value_of(const char *rest, const char *next)
{
	return *rest ? rest : next;
}

const char *tm_command_text(const char *const *words, size_t n)
{
	for (size_t i = 1; i < n;) {
		const char *word = words[i], *next = i + 1 < n ? words[i + 1] : NULL;

		/* A script, its text from standard input, or the last option. */
		if (word[0] != '-' || word[1] == '\0' || strcmp(word, "--") == 0)
			return NULL;
		if (word[1] == '-') {
			i += words_of_long(word);
			continue;
		}
		i++;
		for (const char *p = word + 1; *p; p++) {
			if (*p == 'c')
				return value_of(p + 1, next);
			if (*p == 'm')
				return NULL;
			if (!strchr(with_word, *p))
				continue;
			if (!p[1])
				i++;
			break;
		}
	}
	return NULL;
}
