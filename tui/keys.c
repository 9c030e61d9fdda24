#include "keys.h"

#include <stdio.h>
#include <string.h>

#include "actions.h"

#define IN(mode) (1u << (mode))
#define TABLE    IN(MODE_TABLE)
#define DETAIL   IN(MODE_DETAIL)
#define OBJECTS  IN(MODE_OBJECTS)
#define FILTERS  IN(MODE_FILTERS)
#define PROMPT   IN(MODE_PROMPT)
#define CONFIRM  IN(MODE_CONFIRM)

_Static_assert(IN(MODE_COUNT) <= KEYS_MOVE, "modes and common keys share bits");

static const struct key_binding bindings[] = {
#define KEY(act, where, label, help, ...) \
	{ { __VA_ARGS__ }, where, label, help, act_##act },
#include "keys.def"
};

size_t keys_count(void)
{
	return sizeof(bindings) / sizeof(bindings[0]);
}

const struct key_binding *keys_at(size_t i)
{
	return &bindings[i];
}

bool keys_bound(const struct state *state, const struct key_binding *binding)
{
	return binding->modes & (IN(state->mode) | state->pages[state->mode]->keys);
}

static bool binding_has(const struct key_binding *binding, int key)
{
	for (int i = 0; i < KEYS_PER_BINDING && binding->keys[i]; i++)
		if (binding->keys[i] == key)
			return true;
	return false;
}

unsigned keys_press(struct state *state, int key)
{
	if (key == '\r')
		key = K_ENTER;
	for (size_t i = 0; i < keys_count(); i++)
		if (keys_bound(state, &bindings[i]) &&
		    binding_has(&bindings[i], key))
			return bindings[i].act(state);
	if (state->mode == MODE_PROMPT)
		return prompt_type(state, key);
	return 0;
}

char *keys_name(char buf[static 16], int key)
{
	static const struct { int key; const char *name; } names[] = {
		{ K_UP, "Up" }, { K_DOWN, "Down" }, { K_LEFT, "Left" },
		{ K_RIGHT, "Right" }, { K_PAGE_UP, "PgUp" },
		{ K_PAGE_DOWN, "PgDn" }, { K_HOME, "Home" }, { K_END, "End" },
		{ K_BACKSPACE, "Bksp" }, { K_DELETE, "Del" },
		{ K_BACKTAB, "S-Tab" }, { K_ENTER, "Enter" },
		{ K_ESCAPE, "Esc" }, { K_TAB, "Tab" }, { ' ', "Space" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].key == key) {
			snprintf(buf, 16, "%s", names[i].name);
			return buf;
		}
	if (key >= K_F1 && key <= K_F10)
		snprintf(buf, 16, "F%d", key - K_F1 + 1);
	else if (key < 32)
		snprintf(buf, 16, "^%c", key + 64);
	else
		snprintf(buf, 16, "%c", key);
	return buf;
}
