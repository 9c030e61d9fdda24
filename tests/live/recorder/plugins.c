/*
 * A program with plugins. Lines on standard input, each answered by one:
 *
 *	load N PATH    dlopen() as plugin N: where its leak() is
 *	new N PATH     the same in a namespace of its own (dlmopen)
 *	call N TIMES   leak() of plugin N, so many times
 *	close N        dlclose()
 *	path N PATH    of plugin N, for
 *	hide 0         what debuggers are told by the loader
 *	swap N TIMES   load, call once and unload plugins N and N + 1 by turns
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PLUGINS = 16, LONGEST = 4096 };

static struct plugin {
	char path[LONGEST];
	void *handle;
	void (*leak)(int times);
} plugins[PLUGINS];

static void answer(const char *text, const void *what)
{
	printf("%s %p\n", text, what);
	fflush(stdout);
}

static void take(struct plugin *plugin, void *handle)
{
	plugin->handle = handle;
	plugin->leak = handle ? (void (*)(int))(size_t)dlsym(handle, "leak") : NULL;
	if (!plugin->leak)
		answer(dlerror(), NULL);
	else
		answer("loaded", (void *)(size_t)plugin->leak);
}

static __attribute__((noinline)) void call_plugin(const struct plugin *plugin, int times)
{
	plugin->leak(times);
	answer("called", NULL);
}

static void swap(struct plugin *both, int times)
{
	for (int i = 0; i < times; i++) {
		void *handle = dlopen(both[i % 2].path, RTLD_NOW);

		((void (*)(int))(size_t)dlsym(handle, "leak"))(1);
		dlclose(handle);
	}
	answer("swapped", NULL);
}

static void hide(void)
{
	for (ElfW(Dyn) *dyn = _DYNAMIC; dyn->d_tag != DT_NULL; dyn++)
		if (dyn->d_tag == DT_DEBUG)
			((struct r_debug *)dyn->d_un.d_ptr)->r_brk = 0;
	answer("hidden", NULL);
}

static void obey(const char *word, struct plugin *plugin, const char *rest)
{
	if (strcmp(word, "load") == 0)
		take(plugin, dlopen(rest, RTLD_NOW));
#ifdef LM_ID_NEWLM
	else if (strcmp(word, "new") == 0)
		take(plugin, dlmopen(LM_ID_NEWLM, rest, RTLD_NOW));
#endif
	else if (strcmp(word, "call") == 0)
		call_plugin(plugin, atoi(rest));
	else if (strcmp(word, "hide") == 0)
		hide();
	else if (strcmp(word, "path") == 0)
		answer(strcpy(plugin->path, rest), NULL);
	else if (strcmp(word, "swap") == 0)
		swap(plugin, atoi(rest));
	else if (strcmp(word, "close") == 0)
		answer(dlclose(plugin->handle) == 0 ? "closed" : dlerror(), NULL);
}

int main(void)
{
	static char line[LONGEST], word[16], rest[LONGEST];
	unsigned n;

	answer("ready", NULL);
	while (fgets(line, sizeof(line), stdin)) {
		rest[0] = 0;
		if (sscanf(line, "%15s %u %4095s", word, &n, rest) >= 2 && n < PLUGINS - 1)
			obey(word, &plugins[n], rest);
	}
	return 0;
}
