#include "session/run_loader.h"

#include <elf.h>
#include <link.h>
#include <stdio.h>

#include "arch/arch.h"
#include "base/guard.h"
#include "base/log.h"
#include "image/image.h"
#include "mem/poke.h"
#include "target/maps.h"

enum { FUNCTION_LEN = 16 };

/* Of the auxiliary vector: where the loader was mapped; 0: there is none. */
static tm_addr loader_base(pid_t pid)
{
	TM_GUARD(tm_file_close) FILE *file = NULL;
	Elf64_auxv_t pair;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/auxv", (int)pid);
	file = fopen(path, "re");
	while (file && fread(&pair, sizeof(pair), 1, file) == 1)
		if (pair.a_type == AT_BASE)
			return pair.a_un.a_val;
	return 0;
}

static bool find(struct tm_mem *mem, const struct tm_maps *maps, tm_addr base,
		 struct run_loader *ret)
{
	TM_GUARD(tm_image_free) struct tm_image image = { 0 };
	const struct tm_region *region = base ? tm_maps_find(maps, base) : NULL;
	struct tm_symbol state, debug;
	struct tm_err err;

	if (!region || !tm_image_read(mem, region, &image, &err) ||
	    !tm_image_dynsym(&image, "_dl_debug_state", &state) ||
	    !tm_image_dynsym(&image, "_r_debug", &debug))
		return false;
	ret->function = state.address;
	ret->state = debug.address + offsetof(struct r_debug, r_state);
	return true;
}

static bool change(pid_t pid, struct tm_mem *mem, struct run_loader *loader)
{
	uint8_t bytes[FUNCTION_LEN];
	uint64_t word;
	size_t at;

	if (tm_mem_read_some(mem, loader->function, bytes, sizeof(bytes)) != sizeof(bytes) ||
	    !tm_door_in_place(bytes, sizeof(bytes), &at, &word))
		return false;
	loader->at = loader->function + at;
	return tm_mem_read_some(mem, loader->at, &loader->under, sizeof(loader->under)) ==
		       sizeof(loader->under) &&
	       tm_poke_word(pid, loader->at, word);
}

void run_loader_watch(pid_t pid, struct run_loader *ret)
{
	TM_GUARD(tm_mem_guard) struct tm_mem *mem = NULL;
	TM_GUARD(tm_maps_free) struct tm_maps maps = { 0 };
	struct tm_err err;

	*ret = (struct run_loader){ 0 };
	mem = tm_mem_proc(pid, &err);
	if (mem && tm_maps_read(pid, &maps, &err) && find(mem, &maps, loader_base(pid), ret) &&
	    change(pid, mem, ret))
		return;
	*ret = (struct run_loader){ 0 };
	tm_log("run: its loader does not tell when it is done");
}

bool run_loader_speaks(pid_t pid, const struct run_loader *loader)
{
	struct tm_regs regs;

	return loader->function && tm_regs_get(pid, &regs) &&
	       tm_regs_pc(&regs) == loader->at + TM_DOOR_CALL_LEN;
}

/* It also speaks of libraries that audit the loading, before and while they are loaded:
 * these are not in this list. */
bool run_loader_is_done(pid_t pid, struct run_loader *loader)
{
	TM_GUARD(tm_mem_guard) struct tm_mem *mem = NULL;
	struct tm_err err;
	int state;

	mem = tm_mem_proc(pid, &err);
	if (!mem || tm_mem_read_some(mem, loader->state, &state, sizeof(state)) != sizeof(state))
		return false;
	loader->adding |= state == RT_ADD;
	return loader->adding && state == RT_CONSISTENT;
}

void run_loader_drop(pid_t pid, struct run_loader *loader)
{
	if (!tm_poke_word(pid, loader->at, loader->under))
		tm_log("the loader's function stays changed");
	loader->function = 0;
}

/* First away from the word, then the word: between the two we may be killed. */
void run_loader_leave(pid_t pid, struct run_loader *loader)
{
	struct tm_regs regs;

	if (tm_regs_get(pid, &regs)) {
		tm_regs_set_pc(&regs, loader->function);
		if (tm_regs_set(pid, &regs)) {
			run_loader_drop(pid, loader);
			return;
		}
	}
	/* It goes on behind the call, as without us. */
	tm_log("it cannot be set back to the loader's function");
	loader->function = 0;
}
