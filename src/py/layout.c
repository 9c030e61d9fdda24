#include "py/layout.h"

#include <stddef.h>
#include <stdio.h>

#define PY_LAYOUT(version) extern const struct py_layout py_layout_##version;
#include "py/layouts.def"
#undef PY_LAYOUT

static const struct py_layout *const layouts[] = {
#define PY_LAYOUT(version) &py_layout_##version,
#include "py/layouts.def"
#undef PY_LAYOUT
};

enum { NLAYOUTS = sizeof(layouts) / sizeof(layouts[0]) };

const struct py_layout *py_layout_find(unsigned minor)
{
	for (size_t i = 0; i < NLAYOUTS; i++)
		if (layouts[i]->minor == minor)
			return layouts[i];
	return NULL;
}

const char *py_layout_range(void)
{
	static char range[32];

	snprintf(range, sizeof(range), "3.%u to 3.%u", layouts[0]->minor,
		 layouts[NLAYOUTS - 1]->minor);
	return range;
}
