#include "session/run_door.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "arch/arch.h"
#include "base/guard.h"
#include "base/log.h"
#include "mem/poke.h"
#include "target/maps.h"

_Static_assert(TM_DOOR_LEN <= RUN_DOOR_WORDS * sizeof(uint64_t), "room for the code");

/* The stack of a new program: argc, argv, NULL, environment, NULL, pairs. */
static tm_addr skip_pointers(struct tm_mem *mem, tm_addr at)
{
	enum { MOST = 1 << 20 }; /* the kernel's bound on all strings is lower */
	struct tm_err err;
	uint64_t word;

	for (int i = 0; i < MOST; i++, at += sizeof(word)) {
		if (!tm_mem_u64(mem, at, &word, &err))
			return 0;
		if (!word)
			return at + sizeof(word);
	}
	return 0;
}

static bool find_entry(struct tm_mem *mem, tm_addr sp, struct run_door *door)
{
	enum { MOST = 256 };
	tm_addr at = skip_pointers(mem, sp + sizeof(uint64_t));
	Elf64_auxv_t pair = { 0 };

	at = at ? skip_pointers(mem, at) : 0;
	for (int i = 0; at && i < MOST; i++, at += sizeof(pair)) {
		if (tm_mem_read_some(mem, at, &pair, sizeof(pair)) != sizeof(pair) ||
		    pair.a_type == AT_NULL)
			return false;
		if (pair.a_type != AT_ENTRY)
			continue;
		door->entry = pair.a_un.a_val;
		door->slot = at + offsetof(Elf64_auxv_t, a_un);
		return true;
	}
	return false;
}

/* Zeroes at the end of its last page, after all that the file has. */
static bool has_room(struct tm_mem *mem, const struct tm_region *region)
{
	uint64_t words[RUN_DOOR_WORDS + 1];

	if (!region->executable || !region->readable || region->writable || region->shared ||
	    tm_mem_read_some(mem, region->end - sizeof(words), words, sizeof(words)) != sizeof(words))
		return false;
	for (size_t i = 0; i < RUN_DOOR_WORDS + 1; i++)
		if (words[i])
			return false;
	return true;
}

static tm_addr find_room(pid_t pid, struct tm_mem *mem)
{
	TM_GUARD(tm_maps_free) struct tm_maps maps = { 0 };
	struct tm_err err;

	if (!tm_maps_read(pid, &maps, &err))
		return 0;
	/* From the end: the vDSO first, then the loader. */
	for (size_t i = maps.n; i > 0; i--)
		if (has_room(mem, &maps.regions[i - 1]))
			return maps.regions[i - 1].end - RUN_DOOR_WORDS * sizeof(uint64_t);
	return 0;
}

/* The code first: from the second step on the loader goes there. */
static bool place(pid_t pid, struct tm_mem *mem, struct run_door *door)
{
	uint64_t words[RUN_DOOR_WORDS] = { 0 };

	if (tm_mem_read_some(mem, door->at, door->under, sizeof(door->under)) !=
	    sizeof(door->under))
		return false;
	tm_door_make(door->entry, words);
	for (size_t i = 0; i < RUN_DOOR_WORDS; i++)
		if (!tm_poke_word(pid, door->at + i * sizeof(words[0]), words[i]))
			return false;
	return tm_poke_word(pid, door->slot, door->at);
}

bool run_door_open(pid_t pid, struct run_door *ret, const char **ret_why)
{
	TM_GUARD(tm_mem_guard) struct tm_mem *mem = NULL;
	struct tm_regs regs;
	struct tm_err err;

	*ret = (struct run_door){ 0 };
	*ret_why = "its entry point was not found";
	mem = tm_mem_proc(pid, &err);
	if (!mem || !tm_regs_get(pid, &regs) || !tm_regs_64bit(&regs) ||
	    !find_entry(mem, tm_regs_sp(&regs), ret))
		return false;
	if (tm_regs_pc(&regs) == ret->entry)
		return true;
	*ret_why = "there is no room in its code for a mark at its entry point";
	ret->at = find_room(pid, mem);
	return ret->at && place(pid, mem, ret);
}

bool run_door_reached(pid_t pid, const struct run_door *door)
{
	struct tm_regs regs;

	return door->at && tm_regs_get(pid, &regs) &&
	       tm_regs_pc(&regs) - door->at < RUN_DOOR_WORDS * sizeof(uint64_t);
}

void run_door_pass(pid_t pid, struct run_door *door)
{
	struct tm_regs regs;
	bool gone;

	if (!tm_regs_get(pid, &regs))
		return;
	tm_regs_set_pc(&regs, door->entry);
	if (!tm_regs_set(pid, &regs))
		return;
	gone = tm_poke_word(pid, door->slot, door->entry);
	for (size_t i = 0; i < RUN_DOOR_WORDS; i++)
		gone &= tm_poke_word(pid, door->at + i * sizeof(uint64_t), door->under[i]);
	if (!gone)
		tm_log("the mark at its entry point stays");
	door->at = 0;
}
