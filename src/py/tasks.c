#include "py/tasks.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/load.h"
#include "py/int.h"
#include "py/str.h"

#define TASK_TYPE "_asyncio.Task"

/* The layout of a TaskObj (Modules/_asynciomodule.c) changes with patch
 * releases: 136 bytes in 3.7, 192 in 3.10. In all of them, up to 3.15,
 * task_fut_waiter, task_coro and, from 3.8 on, task_name are in this order. */
enum {
	FIRST_FIELD = 16, MAX_TASK = 512,
	WAITER_BEFORE = 8, NAME_AFTER = 8,
};

void py_tasks_free(struct py_tasks *tasks)
{
	free(tasks->found.items);
	*tasks = (struct py_tasks){ 0 };
}

bool py_tasks_is(struct py_type_names *names, tm_addr object)
{
	struct py_type_name *type = py_type_of(names, object);
	enum { NO = 1, YES = 2 };

	if (!(type->mark & (NO | YES))) {
		tm_addr base = type->base;
		bool is = strcmp(type->name, TASK_TYPE) == 0 ||
			  py_type_base(names, base, TASK_TYPE);

		type = py_type_of(names, object);
		type->mark |= is ? YES : NO;
	}
	return type->mark & YES;
}

/* The size of a task without what derived classes add. */
static size_t task_size(struct py_type_names *names, tm_addr task)
{
	struct tm_err err;
	tm_addr type;

	if (!tm_mem_u64(names->mem, task + names->runtime->str.ob_type, &type, &err))
		return 0;
	return py_type_at(names, py_type_base(names, type, TASK_TYPE))->size;
}

/* Of the words of a task those that are coroutines: a bit each. */
static uint64_t coroutine_words(struct py_type_names *names, tm_addr task)
{
	size_t size = task_size(names, task);
	char bytes[MAX_TASK];
	uint64_t ret = 0;
	struct tm_err err;

	if (size > sizeof(bytes) || !tm_mem_read(names->mem, task, bytes, size, &err))
		return 0;
	for (unsigned i = FIRST_FIELD; i + 8 <= size; i += 8)
		if (py_is_coroutine(names, tm_load_u64(bytes, i)))
			ret |= UINT64_C(1) << i / 8;
	return ret;
}

bool py_tasks_learn(struct py_tasks *tasks, struct py_type_names *names,
		    struct tm_err *err)
{
	uint64_t common = UINT64_MAX;

	for (size_t i = 0; i < tasks->found.n; i++)
		common &= coroutine_words(names, tasks->found.items[i]);
	if (!tasks->found.n)
		return true;
	if (!common || (common & (common - 1)))
		return tm_err_set(err, TM_ERR_UNSUPPORTED, names->runtime->name,
				  "%zu asyncio tasks have an unknown layout",
				  tasks->found.n);
	tasks->coroutine = (uint16_t)(__builtin_ctzll(common) * 8);
	return true;
}

bool py_task_read(const struct py_tasks *tasks, struct py_type_names *names,
		  tm_addr at, struct py_task *ret, struct tm_err *err)
{
	char bytes[24];

	if (!tm_mem_read(names->mem, at + tasks->coroutine - WAITER_BEFORE, bytes,
			 sizeof(bytes), err))
		return false;
	*ret = (struct py_task){
		.at = at, .waiter = tm_load_u64(bytes, 0),
		.coroutine = tm_load_u64(bytes, 8),
		.name = names->runtime->layout->minor >= 8 ?
			tm_load_u64(bytes, WAITER_BEFORE + NAME_AFTER) : 0,
	};
	return true;
}

static void add_number(struct py_type_names *names, tm_addr number, struct tm_buf *to)
{
	int64_t value;

	if (py_int_read(names->mem, names->runtime, number, &value))
		tm_buf_addf(to, "Task-%" PRId64, value);
}

void py_task_name(struct py_type_names *names, tm_addr name, struct tm_buf *to)
{
	struct tm_err err;

	/* From 3.12 on they are numbers at first. */
	if (py_type_is(names, name, "int"))
		add_number(names, name, to);
	else if (name && !py_str_read(names->mem, &names->runtime->str, name, to, &err))
		tm_buf_clear(to);
}
