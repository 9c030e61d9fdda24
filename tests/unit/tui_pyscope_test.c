#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "pyscope.h"

/* Each line says at its end which function it is in; "-" is none. */
static const char source[] =
	"import os                                # -\n"
	"class A:                                 # -\n"
	"    x = 1                                # A\n"
	"    @decorator                           # A\n"
	"    def f(self, a=(1,                    # A\n"
	"          2),                            # A\n"
	"): # odd, but legal                      # A\n"
	"        s = '''                          # A.f\n"
	"def not_me():                            # A.f\n"
	"  '''                                    # A.f\n"
	"        if s:                            # A.f\n"
	"            def inner():                 # A.f\n"
	"                return [                 # A.f.inner\n"
	"0                                        # A.f.inner\n"
	"                ]                        # A.f.inner\n"
	"        t = \"it's\" + 'a\\'b' # \"        # A.f\n"
	"# a comment at the margin                # A.f\n"
	"        return t                         # A.f\n"
	"    async def g():                       # A\n"
	"\tawait h()                              # A.g\n"
	"define = 3                               # -\n"
	"def \xc3\xa9t\xc3\xa9(): # \xc3\xa9     # -\n"
	"    x = 1 \\                             # \xc3\xa9t\xc3\xa9\n"
	"+ 2\n";

static void lines_know_their_function(void **state)
{
	struct pyscope *scope = pyscope_create(source, sizeof(source) - 1);
	const char *p = source;
	uint32_t lineno = 1;

	(void)state;
	for (; *p; lineno++) {
		const char *end = strchr(p, '\n'), *mark = end;
		const char *name = pyscope_name(scope, lineno);
		char want[64] = "";

		while (mark > p && mark[-1] != ' ')
			mark--;
		strncat(want, mark, (size_t)(end - mark));
		if (lineno < 24)
			assert_string_equal(name ? name : "-", want);
		p = end + 1;
	}
	pyscope_destroy(scope);
}

static void any_bytes_will_do(void **state)
{
	static const char *const texts[] = {
		"", "def", "def ", "class\n", "\"\"\"", "'\\", "(((", ")\n",
		"\\", "def f(", "async def", "\f\t  \r\r\n", "def f():\r  x\r",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct pyscope *scope = pyscope_create(texts[i],
						       strlen(texts[i]));

		pyscope_name(scope, 0);
		pyscope_name(scope, UINT32_MAX);
		pyscope_destroy(scope);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_know_their_function),
		cmocka_unit_test(any_bytes_will_do),
	};

	return cmocka_run_group_tests_name("tui_pyscope", tests, NULL, NULL);
}
