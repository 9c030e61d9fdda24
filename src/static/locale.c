/*
 * UTF-8 for ncurses and the view without locale files, which the C library
 * would load. Only LC_CTYPE is meant, and of it whether the terminal takes
 * UTF-8: the user's variables say so. The widths are libunistring's.
 */
#include <errno.h>
#include <langinfo.h>
#include <limits.h>
#include <locale.h>
#include <stdio.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unictype.h>
#include <unistr.h>
#include <uniwidth.h>
#include <wchar.h>
#include <wctype.h>

char *__wrap_setlocale(int category, const char *locale);
char *__wrap_nl_langinfo(nl_item item);
int __wrap_wcwidth(wchar_t c);
int __wrap_iswprint(wint_t c);
size_t __wrap_mbrtowc(wchar_t *ret, const char *p, size_t len, mbstate_t *state);
int __wrap_mbtowc(wchar_t *ret, const char *p, size_t len);
int __wrap_mblen(const char *p, size_t len);
size_t __wrap_wcrtomb(char *out, wchar_t c, mbstate_t *state);
int __wrap_wctob(wint_t c);
wint_t __wrap_btowc(int c);

static bool utf8;

static bool names_utf8(const char *locale)
{
	const char *charset = strchr(locale, '.');

	return charset && (strncasecmp(charset, ".utf-8", 6) == 0 ||
			   strncasecmp(charset, ".utf8", 5) == 0);
}

static const char *users_locale(void)
{
	static const char *const variables[] = { "LC_ALL", "LC_CTYPE", "LANG" };

	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
		const char *value = getenv(variables[i]);

		if (value && *value)
			return value;
	}
	return "C";
}

char *__wrap_setlocale(int category, const char *locale)
{
	(void)category;
	if (locale)
		utf8 = names_utf8(*locale ? locale : users_locale());
	return (char *)(utf8 ? "C.UTF-8" : "C");
}

char *__wrap_nl_langinfo(nl_item item)
{
	if (item == CODESET)
		return (char *)(utf8 ? "UTF-8" : "ANSI_X3.4-1968");
	return (char *)"";
}

static bool is_ascii(wint_t c)
{
	return c < 0x80;
}

int __wrap_wcwidth(wchar_t c)
{
	if (c == 0)
		return 0;
	if (!__wrap_iswprint((wint_t)c))
		return -1;
	return uc_width((ucs4_t)c, "UTF-8");
}

int __wrap_iswprint(wint_t c)
{
	if (!utf8 && !is_ascii(c))
		return 0;
	return uc_is_print(c) || uc_is_general_category(c, UC_FORMAT);
}

/* No state: a sequence that is cut off is given whole the next time. */
size_t __wrap_mbrtowc(wchar_t *ret, const char *p, size_t len, mbstate_t *state)
{
	ucs4_t c = 0;
	int n = -1;

	(void)state;
	if (!p)
		return 0;
	if (len == 0)
		return (size_t)-2;
	if (utf8 || is_ascii((unsigned char)*p))
		n = u8_mbtoucr(&c, (const uint8_t *)p, len);
	if (n < 0) {
		errno = EILSEQ;
		return (size_t)n; /* -2: more is needed */
	}
	if (ret)
		*ret = (wchar_t)c;
	return c ? (size_t)n : 0;
}

int __wrap_mbtowc(wchar_t *ret, const char *p, size_t len)
{
	size_t n = __wrap_mbrtowc(ret, p, len, NULL);

	return n > MB_LEN_MAX ? -1 : (int)n;
}

int __wrap_mblen(const char *p, size_t len)
{
	return __wrap_mbtowc(NULL, p, len);
}

size_t __wrap_wcrtomb(char *out, wchar_t c, mbstate_t *state)
{
	int n;

	(void)state;
	if (!out)
		return 1;
	n = utf8 || is_ascii((wint_t)c)
		? u8_uctomb((uint8_t *)out, (ucs4_t)c, MB_LEN_MAX) : -1;
	if (n < 0)
		errno = EILSEQ;
	return (size_t)n;
}

int __wrap_wctob(wint_t c)
{
	return is_ascii(c) ? (int)c : EOF;
}

wint_t __wrap_btowc(int c)
{
	return c >= 0 && is_ascii((wint_t)c) ? (wint_t)c : WEOF;
}
