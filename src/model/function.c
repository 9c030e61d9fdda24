#include "model/function.h"

struct function function_of(const struct tables *t, const struct tm_frame *frame)
{
	struct function ret = {
		.native = frame->native != TM_ID_NONE,
		.filename = frame->filename,
		.name = frame->function,
	};
	const struct tm_native_frame *native;

	if (!ret.native)
		return ret;
	native = &t->natives[frame->native];
	ret.name = native->function;
	if (t->strings[frame->filename].len == 0 && native->module != TM_ID_NONE)
		ret.filename = t->modules[native->module].path;
	return ret;
}

static uint32_t hash(const struct function *function)
{
	uint64_t words = (uint64_t)function->filename << 32 | function->name;

	return index_hash(words ^ index_seed ^ (uint64_t)function->native << 63);
}

static tm_id next(const struct tables *t, struct index_probe *probe,
		  const struct function *wanted)
{
	tm_id id;

	while ((id = index_next(&t->by_function, probe)) != TM_ID_NONE) {
		struct function known = function_of(t, &t->frames[id]);

		if (known.native == wanted->native && known.name == wanted->name &&
		    known.filename == wanted->filename)
			break;
	}
	return id;
}

tm_id function_find(const struct tables *t, const struct function *function)
{
	struct index_probe probe = index_find(&t->by_function, hash(function));

	return next(t, &probe, function);
}

void function_add(struct tables *t, tm_id id)
{
	struct function function = function_of(t, &t->frames[id]);
	struct index_probe probe = index_start(&t->by_function, hash(&function));
	tm_id first = next(t, &probe, &function);

	t->functions[id] = first != TM_ID_NONE ? first : id;
	if (first == TM_ID_NONE)
		index_add(&t->by_function, &probe, id);
}
