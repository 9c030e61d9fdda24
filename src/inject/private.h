/* What the files of this room share. Private to src/inject. */
#ifndef TM_INJECT_PRIVATE_H
#define TM_INJECT_PRIVATE_H

#include "arch/arch.h"
#include "base/buf.h"
#include "image/image.h"
#include "image/loaded.h"
#include "inject/functions.h"
#include "inject/inject.h"
#include "native/unwind.h"
#include "remote/remote.h"
#include "target/maps.h"
#include "target/stop.h"
#include "recorder/abi.h"

enum { INJECT_STOP_MS = 1000, INJECT_NEAR_SIZE = 4 * TM_PAGE, INJECT_MAX_PATCHES = 72 };

struct tm_injection {
	struct tm_process process;
	struct tm_mem *mem;       /* of the process */
	int mem_fd;               /* the same, for writing */
	int table_fd;             /* -1: reached through mem */
	struct tm_mem *table_mem; /* the table at its address in the target */
	tm_addr code;             /* where the head of the code is */
	uint64_t code_inode;      /* of its file, which no other recorder has */
	struct tm_recorder_code head;
	struct tm_remote_code insn; /* a system call instruction */
	tm_addr leave;            /* tm_frame_end; 0: not found */
	uint64_t modules_seen;    /* hash of the mappings at the last refresh */
	bool unsettled;           /* one of them may be loaded later */
	uint64_t published;       /* inject_images_hash() of what was read for the records */
	uint32_t changes_seen;    /* of the loader, before the mappings were read */
	struct {                  /* of the loader: abi_loader.h; debug 0: unknown */
		tm_addr debug;
		uint32_t phdr_at, phnum_at;
		bool is_there, is_hooked;
	} loader;
	/* tm_inject_missed(): functions, the rest of a sentence about a module; and of what
	 * has been told. */
	char unhooked[TM_UNHOOKED_LEN], refused[TM_UNHOOKED_LEN];
	char told[2][TM_UNHOOKED_LEN];
	struct native_modules modules; /* for the unwinder */
	struct tm_unwinder *unwinder;  /* NULL until it is needed */
};

/* ---- open.c: finding it -------------------------------------------------- */

enum inject_found {
	INJECT_FAILED,  /* see *err */
	INJECT_NOTHING,
	INJECT_REMAINS, /* code that does nothing: of a parent, or left over */
	INJECT_RECORDS,
};

struct tm_injection *inject_open(const struct tm_process *process, struct tm_err *err);
/* The one that records; without one `in` knows of none afterwards. */
enum inject_found inject_find(struct tm_injection *in, struct tm_err *err);
/* What begins at this mapping, and make `in` know it. */
enum inject_found inject_look_at(struct tm_injection *in, const struct tm_maps *maps,
				 size_t i, struct tm_err *err);
/* Know of no recorder any more. */
void inject_forget(struct tm_injection *in);
/* Does it have this name, one of TM_RECORDER_*_NAME, or ("") any of them? */
bool inject_is_ours(const struct tm_region *region, const char *name);
/* Can an image of the program or of a library begin here? */
bool inject_may_be_image(const struct tm_region *region);
/* How the table is read from now on; takes the descriptor (-1: by memory). */
void inject_use_table(struct tm_injection *in, int fd);

/* The head of the code that begins at this mapping; false: there is none that we know. */
bool inject_read_head(struct tm_injection *in, const struct tm_region *region);

/* ---- stand.c: another tmattach may be at work, too ------------------------------ */

/* Stop the target and know what is in it now: its maps (NULL: nobody asks), and the head
 * of the recorder if there was one. TM_ERR_NOT_TRACED: it is not there any more. What
 * is written into a target is decided after this, and before it runs on. */
bool inject_stand(struct tm_injection *in, struct tm_stop *ret, struct tm_maps *ret_maps,
		  struct tm_err *err);
/* Which file it is that has just been mapped. */
bool inject_know_code(struct tm_injection *in, struct tm_err *err);
/* Is there still (already) one of its areas? */
bool inject_near_is_mapped(const struct tm_injection *in, const struct tm_maps *maps,
			   uint32_t area);
/* Has no other recorder hooked anything? TM_ERR_USAGE if one has. */
bool inject_is_alone(const struct tm_injection *in, const struct tm_maps *maps,
		     struct tm_err *err);

/* ---- install.c, start.c, stop.c ------------------------------------------- */

/* All allocation functions that are not hooked yet. */
bool inject_survey(struct tm_injection *in, const struct tm_maps *maps,
		   struct tm_functions *functions, struct tm_err *err);
/* Has the function at `at` room for a jump? For those that are not worth failing for. */
bool inject_can_be_hooked(struct tm_injection *in, tm_addr at, const char *name);
/* Does some image call mlockall()? */
bool inject_locks_memory(struct tm_injection *in, const struct tm_maps *maps);
/* One near area for each image in `functions`, added to the head. */
bool inject_map_nears(struct tm_injection *in, struct tm_remote *remote,
		      const struct tm_maps *maps,
		      const struct tm_functions *functions, struct tm_err *err);
bool inject_write_head(struct tm_injection *in, pid_t tid, struct tm_err *err);
/* The recorder itself, and its head. */
bool inject_write_code(struct tm_injection *in, pid_t tid, struct tm_err *err);
/* Hook the functions; their areas are near[first_near] and following. On failure none of
 * them is hooked, and what was hooked before is. */
bool inject_hook(struct tm_injection *in, const struct tm_functions *functions,
		 uint32_t first_near, struct tm_err *err);
/* The same in a stop, once; TM_ERR_BUSY: a thread stands where it must not. */
bool inject_hook_in(struct tm_injection *in, struct tm_stop *stop, const struct tm_maps *maps,
		    const struct tm_functions *functions, uint32_t first_near, bool unwind,
		    struct tm_err *err);
/* Dropped from the list: images of which one function cannot be hooked; those of others
 * are. in->refused says why, of the last of them. */
void inject_drop_refused(struct tm_injection *in, const struct tm_maps *maps,
			 struct tm_functions *functions);
/* And functions that somebody has hooked already. */
void inject_drop_hooked(struct tm_injection *in, struct tm_functions *functions, size_t from);
/* Undo everything; *ret_left as in tm_inject_stop(). */
bool inject_remove(struct tm_injection *in, bool *ret_left, struct tm_err *err);
/* Remove what former recorders have left, unless a thread is in it;
 * *ret_left: how many remain. `in` knows of none before and afterwards. */
bool inject_sweep(struct tm_injection *in, size_t *ret_left, struct tm_err *err);
/* Resident bytes of its memory that are of no file; 0: unknown. */
uint64_t inject_anonymous(const struct tm_injection *in);
/* Changes when code is mapped or unmapped. */
uint64_t inject_maps_hash(const struct tm_maps *maps);

/* ---- hookable.c: functions that are done without ------------------------------------ */

/* Where a function cannot be hooked: */
enum inject_lack {
	INJECT_LACK_MISSED,  /* what it gives out is not seen, and nothing else is wrong */
	INJECT_LACK_REFUSED, /* what it takes back would count as alive; or it is malloc, or
				somebody has asked for it */
};
enum inject_lack inject_lack_of(const struct tm_function *function);
/* Keep, from `from` on, what has a hook, or needs one. What is missed without is noted in
 * functions->unhooked. */
void inject_keep_hookable(struct tm_injection *in, struct tm_functions *functions, size_t from);
void inject_note_missed(struct tm_functions *functions, const char *name);
/* Asked before anything is brought in. */
bool inject_all_hookable(struct tm_injection *in, const struct tm_functions *functions,
			 struct tm_err *err);

/* ---- tids.c: which thread it is ------------------------------------------------ */

/* Where its threads have their ids, as `tid_at` of the table; 0: not known. */
uint32_t inject_tid_place(struct tm_injection *in, const struct tm_stop *stop);

/* ---- throws.c ------------------------------------------------------------------------- */

/* Where there are exceptions: does none pass a function that somebody has named? */
bool inject_none_throws(struct tm_injection *in, const struct tm_maps *maps,
			const struct tm_functions *functions, struct tm_err *err);
/* How operator new of this image, whose functions are those from `from` on, is hooked; what
 * cannot be is dropped. */
void inject_settle_operators(struct tm_injection *in, const struct tm_maps *maps,
			     const struct tm_image *image, struct tm_functions *functions,
			     size_t from);

/* ---- maps.c: what is mapped ------------------------------------------------- */

/* In a new table: is it to be recorded? */
bool inject_maps_on(struct tm_injection *in, const struct tm_recorder_table *table, bool on,
		    struct tm_err *err);
bool inject_maps_are_on(struct tm_injection *in);
/* All threads stand still, and from now on the recorder sees what changes. */
bool inject_maps_begin(struct tm_injection *in, const struct tm_maps *maps, struct tm_err *err);
bool inject_maps_forget(struct tm_injection *in, const struct tm_recorder_table *table,
			struct tm_err *err);
/* The peak of blocks and mappings together is what they are now. */
bool inject_maps_end_peak(struct tm_injection *in, const struct tm_recorder_table *table,
			  int64_t blocks, struct tm_err *err);
/* Add to the copy what is mapped, while all threads stand still. */
bool inject_maps_take(struct tm_injection *in, struct tm_recorder_copy *copy, struct tm_err *err);

/* ---- poke.c: writing ------------------------------------------------------ */

/* Write into the target: tm_poke(). */
bool inject_poke(struct tm_injection *in, pid_t tid, tm_addr at,
		 const void *bytes, size_t len, struct tm_err *err);
/* The same for bytes of the table, by offset. */
bool inject_poke_table(struct tm_injection *in, uint64_t offset,
		       const void *bytes, size_t len, struct tm_err *err);
bool inject_peek_table(struct tm_injection *in, uint64_t offset, void *bytes,
		       size_t len, struct tm_err *err);
/* Memory that is a file at `base`; the descriptor is borrowed. */
struct tm_mem *inject_mem_file(int fd, tm_addr base);

/* ---- map.c: mappings in the target ------------------------------------------ */

/* `file_name`: one of the TM_RECORDER_*_NAMEs; `scratch` is writable memory in
 * the target that nothing else uses. *ret_fd (may be NULL) gets a descriptor of our own. */
struct inject_mapping {
	const char *file_name;
	tm_addr at;      /* 0: anywhere; else exactly there */
	uint64_t size;
	int prot, flags; /* of mmap */
};

bool inject_map(struct tm_injection *in, struct tm_remote *remote,
		const struct inject_mapping *what, tm_addr scratch,
		tm_addr *ret_at, int *ret_fd, struct tm_err *err);
/* The code, still without content, and the gate after it. */
bool inject_map_code(struct tm_injection *in, struct tm_remote *remote,
		     struct tm_err *err);
/* Unmap what a killed start has left unused, and what the head knows of,
 * except the head itself. */
bool inject_unmap_strays(struct tm_injection *in, struct tm_remote *remote,
			 struct tm_err *err);
/* Unmap everything of the recorder. */
bool inject_unmap_all(struct tm_injection *in, struct tm_remote *remote,
		      struct tm_err *err);
/* The table alone. The head has to be written afterwards. */
bool inject_unmap_table(struct tm_injection *in, struct tm_remote *remote,
			struct tm_err *err);
/* Free places within reach of `near`, best first; returns how many. */
size_t inject_places(const struct tm_maps *maps, tm_addr near, tm_addr *ret,
		     size_t max);

/* ---- control.c: giving back memory of the table ------------------------------- */

/* From our side; false: we have not got the file, or may not. */
bool inject_punch_file(const struct tm_injection *in, uint64_t offset, uint64_t size);
/* The same, or else the target does it. */
bool inject_punch(struct tm_injection *in, struct tm_remote *remote, uint64_t offset,
		  uint64_t size, struct tm_err *err);

/* ---- layout.c: the table's --------------------------------------------------- */

/* Offsets and sizes for a table of at most `limit` bytes. */
void inject_layout(struct tm_recorder_table *table, uint64_t limit);
uint64_t inject_default_limit(void);
/* Is this a table that can be read? */
bool inject_table_valid(const struct tm_recorder_table *table, uint64_t size);

/* ---- quiesce.c: where threads are ---------------------------------------------- */

/* Calls of the allocator through hooks: where on the stack the return address
 * into our code is, with struct tm_recorder_call above it. */
enum { INJECT_MAX_CALLS = 4096 };

struct inject_calls {
	size_t n;
	tm_addr at[INJECT_MAX_CALLS];
	pid_t tid[INJECT_MAX_CALLS];
};

struct inject_plan;
struct inject_copies;

/* What threads are looked for. */
struct inject_clear {
	const struct tm_range *ranges;
	size_t n;
	/* Unwind a thread with a suspicious word on its stack: the word may be
	 * left over from an earlier call. Slower; for threads that are blocked. */
	bool unwind;
	/* May be NULL. Threads in functions that hooks have called do not count;
	 * they are listed. */
	struct inject_calls *calls;
	/* A thread does not count either if the instruction that it is at has
	 * a copy in a near area: inject_move_threads() takes it there. */
	const struct inject_plan *plans;
	size_t nplans;
	/* A thread that a hook waits for does not count: only those that run
	 * in our code. */
	bool hooks_wait;
	/* May be NULL: nobody asks. Where threads have the address of a hook that
	 * stands in a word, as a value: to be replaced. */
	struct inject_copies *copies;
};

/* Is no thread of the stopped process inside the ranges: no program counter,
 * no word of its stack, nothing that a signal interrupted? */
bool inject_clear_of(struct tm_injection *in, struct tm_stop *stop,
		     const struct inject_clear *what);
/* Between two attempts: short at first, later long enough for a thread to get
 * on that waits for a contended lock. */
void inject_pause(unsigned tries);
void inject_quiesce_deinit(struct tm_injection *in);
/* At the given attempt? */
static inline bool inject_unwinds(unsigned tries)
{
	return tries >= 10;
}

/* ---- idle.c: near areas of modules that are gone ---------------------------------- */

/* Unmap them if no thread is in them, and write the head. All threads are stopped. */
bool inject_unmap_idle_nears(struct tm_injection *in, struct tm_remote *remote,
			     const struct tm_maps *maps, struct tm_err *err);

/* ---- leave.c: out of functions that hooks have called ------------------------------ */

/* Can such calls be made to return to their callers without us? */
bool inject_can_leave(struct tm_injection *in);
/* Have them do so. Recording must be over. */
bool inject_leave(struct tm_injection *in, const struct inject_calls *calls,
		  struct tm_err *err);

/* ---- patch.c ------------------------------------------------------------------- */

/* The patches of one image and the near area that serves them. */
struct inject_plan {
	struct tm_recorder_patch patches[INJECT_MAX_PATCHES];
	size_t npatches;
	uint8_t moved[INJECT_MAX_PATCHES][TM_JUMP_SIZE]; /* struct tm_trampoline */
	tm_addr near;             /* 0: not placed yet */
	struct tm_range reach;    /* of the functions */
	uint8_t code[INJECT_NEAR_SIZE]; /* the area's content */
};

/* By a jump to an area nearby, if there is one? */
bool inject_can_hook(struct tm_injection *in, const struct tm_function *function,
		     struct tm_err *err);
/* Put the functions, all of one image, into a plan whose area is at `near`. */
bool inject_plan_make(struct tm_injection *in, const struct tm_function *functions,
		      size_t n, tm_addr near, struct inject_plan *ret,
		      struct tm_err *err);
/* Where the copy of the instruction at `pc`, of which a jump will be a part,
 * is; 0: there is none. */
tm_addr inject_plan_moved(const struct inject_plan *plans, size_t n, tm_addr pc);
/* Write the jumps; all threads are stopped and clear of the functions. */
bool inject_plan_apply(struct tm_injection *in, struct tm_stop *stop,
		       const struct inject_plan *plan, struct tm_err *err);
/* The same for this plan alone. */
bool inject_plan_restore(struct tm_injection *in, struct tm_stop *stop,
			 const struct inject_plan *plan, struct tm_err *err);
/* Write the head of an area that has no patches yet: it is somebody's. */
bool inject_mark_near(struct tm_injection *in, pid_t tid, uint32_t area, struct tm_err *err);
bool inject_any_patched(struct tm_injection *in);
/* Those of all near areas that are in place; malloc'ed, maybe NULL. */
struct tm_recorder_patch *inject_patches(struct tm_injection *in, size_t *ret_n);
/* Put back the functions of all near areas, as far as they are still ours. */
bool inject_restore(struct tm_injection *in, struct tm_stop *stop,
		    struct tm_err *err);
/* Is nothing patched any more that this near area serves: were its modules unloaded? */
bool inject_near_is_idle(struct tm_injection *in, const struct tm_maps *maps, uint32_t area);
bool inject_near_allocates(struct tm_injection *in, uint32_t area);
/* Is this function patched already? */
bool inject_patched(struct tm_injection *in, tm_addr function);

#endif
