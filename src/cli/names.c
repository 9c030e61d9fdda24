#include "cli/names.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"

const char *cli_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

bool cli_is_interpreter(const char *base)
{
	return strncmp(base, "python", 6) == 0 || strncmp(base, "pypy", 4) == 0;
}

/* ---- words -------------------------------------------------------------------- */

struct words {
	char *text;
	char **items;
	size_t n;
	bool title; /* of a title, not of a command line */
};

static void free_words(struct words *words)
{
	free(words->text);
	free(words->items);
}

static void split_at(struct words *ret, size_t len, char at)
{
	size_t cap = 0;

	ret->n = 0;
	for (size_t i = 0; i < len; i++) {
		if (ret->text[i] == at)
			ret->text[i] = '\0';
		if (ret->text[i] == '\0' || (i > 0 && ret->text[i - 1] != '\0'))
			continue;
		ret->items = tm_grow(ret->items, &cap, ret->n + 1, sizeof(*ret->items));
		ret->items[ret->n++] = ret->text + i;
	}
}

/* A title is one word, with blanks or not, where the arguments were; NULs or blanks fill
 * the rest of their room. */
static void read_words(const struct cli_process *process, struct words *ret)
{
	size_t first = strnlen(process->cmdline, process->len), end = process->len;

	*ret = (struct words){ .text = tm_malloc(process->len + 1) };
	memcpy(ret->text, process->cmdline, process->len);
	ret->text[process->len] = '\0';
	while (end > first && process->cmdline[end - 1] == '\0')
		end--;
	ret->title = end == first &&
		     (!process->exe || strncmp(process->cmdline, process->exe, first) != 0);
	split_at(ret, process->len, ret->title ? ' ' : '\0');
}

/* ---- the options of Python ------------------------------------------------------- */

/* What it runs: the word after its options, or after -m. NULL for -c, for standard
 * input and where nothing is left. */
struct program {
	const char *word;
	bool module;
};

/* Letters may share a word; those in "mcWX" take the rest of it, or the next
 * (Python/getopt.c, CPython 3.7 to 3.15). */
static const char *option_with_value(const char *word)
{
	return word[strcspn(word, "mcWX")] ? word + strcspn(word, "mcWX") : NULL;
}

/* Past one option; false: it ends the options. */
static bool pass_option(const struct words *words, size_t *at, struct program *ret)
{
	const char *word = words->items[*at], *letter;

	if (word[0] != '-' || word[1] == '\0')
		return false;
	++*at;
	if (word[1] == '-') {
		*at += strcmp(word, "--check-hash-based-pycs") == 0;
		return word[2] != '\0';
	}
	letter = option_with_value(word + 1);
	if (!letter)
		return true;
	if (letter[0] == 'm') {
		ret->module = true;
		ret->word = letter[1] ? letter + 1 : *at < words->n ? words->items[*at] : NULL;
		return false;
	}
	if (letter[0] == 'c') {
		*at = words->n;
		return false;
	}
	*at += !letter[1];
	return true;
}

static struct program program_of(const struct words *words, size_t at)
{
	struct program ret = { 0 };

	while (at < words->n && pass_option(words, &at, &ret))
		;
	if (!ret.word && !ret.module && at < words->n && strcmp(words->items[at], "-") != 0)
		ret.word = words->items[at];
	return ret;
}

/* A title's first word is not the interpreter's, unless it is written so. */
static bool runs_python(const struct cli_process *process, const struct words *words)
{
	if (words->n == 0)
		return false;
	return cli_is_interpreter(cli_base_name(words->items[0])) ||
	       (!words->title && process->exe && cli_is_interpreter(cli_base_name(process->exe)));
}

/* ---- comparing --------------------------------------------------------------------- */

struct name {
	const char *first; /* its first word, or all of it */
	size_t len;
};

static bool equals(struct name name, const char *text, size_t len)
{
	return len > 0 && len == name.len && memcmp(text, name.first, len) == 0;
}

static bool is(struct name name, const char *text)
{
	return text && (equals(name, text, strlen(text)) ||
			equals(name, cli_base_name(text), strlen(cli_base_name(text))));
}

/* "[celeryd:" and "(worker)" without what is around them. */
static void bare(const char *word, const char **ret, size_t *ret_len)
{
	size_t len;

	word += strspn(word, "[({<\"'");
	len = strlen(word);
	while (len > 0 && strchr("])}>\"',:;", word[len - 1]))
		len--;
	*ret = word;
	*ret_len = len;
}

static bool is_bare(struct name name, const char *word)
{
	const char *text;
	size_t len;

	bare(word, &text, &len);
	for (size_t i = len; i > 0; i--)
		if (text[i - 1] == '/' && equals(name, text + i, len - i))
			return true;
	return equals(name, text, len);
}

/* /srv/shop/__main__.py is named after its folder. */
static bool is_main_of(struct name name, const char *script)
{
	const char *base = cli_base_name(script), *end = base, *start;

	if (base == script || strcmp(base, "__main__.py") != 0)
		return false;
	start = --end;
	while (start > script && start[-1] != '/')
		start--;
	return equals(name, start, (size_t)(end - start));
}

static bool is_without_suffix(struct name name, const char *path)
{
	static const char *const suffixes[] = { ".py", ".pyc", ".pyz", ".pyzw", ".pex", ".zip" };
	const char *base = cli_base_name(path);

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		size_t len = strlen(base), most = strlen(suffixes[i]);

		if (len > most && strcmp(base + len - most, suffixes[i]) == 0 &&
		    equals(name, base, len - most))
			return true;
	}
	return false;
}

/* The kernel keeps 15 bytes of a command's name. */
static bool is_cut_of(struct name name, const char *comm)
{
	enum { KEPT = 15 };

	return strlen(comm) == KEPT && name.len > KEPT && memcmp(comm, name.first, KEPT) == 0;
}

static bool is_daemon(struct name name, const char *word)
{
	const char *text;
	size_t len;

	bare(word, &text, &len);
	return len > 1 && text[len - 1] == 'd' && equals(name, text, len - 1);
}

/* "ray::IDLE", "worker@host", "app:asgi" up to where more is told. */
static bool begins(struct name name, const char *word)
{
	const char *text;
	size_t len;

	bare(word, &text, &len);
	return name.len > 0 && name.len < len && memcmp(text, name.first, name.len) == 0 &&
	       strchr(":@.=", text[name.len]);
}

/* "shop.worker" by either side of one of its dots. */
static bool is_part_of_module(struct name name, const char *module)
{
	const char *dot = strrchr(module, '.');

	for (const char *at = strchr(module, '.'); at; at = strchr(at + 1, '.'))
		if (equals(name, module, (size_t)(at - module)))
			return true;
	return dot && equals(name, dot + 1, strlen(dot + 1));
}

/* ---- what it is called ----------------------------------------------------------------- */

struct subject {
	const struct cli_process *process;
	const struct words *words;
	struct program program;
};

static bool is_called(const struct subject *it, struct name name)
{
	const struct words *words = it->words;
	const char *script = it->program.word;

	return is(name, it->process->comm) || is(name, it->process->exe) ||
	       (words->n && is(name, words->items[0])) ||
	       (words->n && words->title && is_bare(name, words->items[0])) ||
	       (script && (is(name, script) || is_main_of(name, script)));
}

static bool is_called_like(const struct subject *it, struct name name)
{
	const struct words *words = it->words;
	const char *script = it->program.word;

	return is_cut_of(name, it->process->comm) ||
	       (words->n && is_without_suffix(name, words->items[0])) ||
	       (words->n && words->title && (is_daemon(name, words->items[0]) ||
					     begins(name, words->items[0]))) ||
	       (script && (is_without_suffix(name, script) ||
			   (it->program.module && is_part_of_module(name, script))));
}

static bool has_word(const struct words *words, size_t *from, struct name name)
{
	for (size_t i = *from; i < words->n; i++)
		if (is(name, words->items[i]) || is_bare(name, words->items[i]) ||
		    begins(name, words->items[i])) {
			*from = i + 1;
			return true;
		}
	return false;
}

/* The words of NAME after its first, in their order. */
static bool has_rest(const struct words *words, const char *rest)
{
	size_t from = 1;

	while (*rest) {
		struct name name;

		rest += strspn(rest, " ");
		name = (struct name){ rest, strcspn(rest, " ") };
		if (name.len && !has_word(words, &from, name))
			return false;
		rest += name.len;
	}
	return true;
}

static enum cli_called called(const struct subject *it, const char *name)
{
	const struct name whole = { name, strlen(name) }, first = { name, strcspn(name, " ") };
	bool rest;

	if (is_called(it, whole))
		return CLI_CALLED;
	if (first.len < whole.len) {
		rest = has_rest(it->words, name + first.len);
		if (rest && is_called(it, first))
			return CLI_CALLED;
		if (rest && is_called_like(it, first))
			return CLI_CALLED_LIKE;
	}
	return is_called_like(it, whole) ? CLI_CALLED_LIKE : CLI_NOT_CALLED;
}

enum cli_called cli_process_called(const struct cli_process *process, const char *name)
{
	TM_GUARD(free_words) struct words words = { 0 };
	struct subject it = { .process = process, .words = &words };

	if (process->len == 0)
		return CLI_NOT_CALLED;
	read_words(process, &words);
	if (runs_python(process, &words))
		it.program = program_of(&words, 1);
	return called(&it, name);
}
