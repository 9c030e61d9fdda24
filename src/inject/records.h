/* What the recorder has to know of the address space: modules and their rows. Private to
 * src/inject. */
#ifndef TM_INJECT_RECORDS_H
#define TM_INJECT_RECORDS_H

#include "inject/private.h"

/* ---- loader.c: the list of what is loaded --------------------------------------- */

/* How the hook can read it, from the images that are in it now. */
void inject_loader_know(struct tm_injection *in, const struct tm_loaded *loaded);
/* The function to hook, if it is in this image and can be. */
void inject_loader_take(struct tm_injection *in, const struct tm_loaded *loaded,
			const struct tm_image *image, struct tm_functions *functions);

/* Records of what is loaded when recording begins; zeroed it is empty. */
struct inject_initial {
	struct tm_loaded loaded;
	struct tm_recorder_loaded *records; /* number 0 is none */
	size_t n, cap;
	struct tm_buf names;
};

void inject_initial_add(struct inject_initial *initial, const struct tm_image *image);
bool inject_initial_write(struct tm_injection *in, const struct tm_recorder_table *table,
			  struct inject_initial *initial, struct tm_err *err);
void inject_initial_free(struct inject_initial *initial); /* works as a guard */
/* Note in the records that these functions have only now been hooked. In a stop. */
void inject_loader_hooked_late(struct tm_injection *in, const struct tm_functions *functions);
/* How often the list has changed, so far as the recorder saw it. */
uint32_t inject_loader_changes(struct tm_injection *in);

/* ---- space.c: modules, rows, stacks --------------------------------------------- */

/* Write what `maps` shows into the table and make it the current space. The records of
 * modules begin with it unless something is recorded already; then the target is stopped
 * while it is written. */
enum inject_publishes { INJECT_BEGINS, INJECT_GOES_ON };
bool inject_publish_space(struct tm_injection *in, const struct tm_maps *maps,
			  enum inject_publishes how, struct tm_err *err);
/* Changes when other images are mapped: in->published, of those that were published. */
uint64_t inject_images_hash(struct tm_injection *in, const struct tm_maps *maps);

/* ---- rows.c ------------------------------------------------------------------------ */

/* The unwind rows of an image, ascending; malloc'ed, NULL if it has none. */
struct tm_recorder_row *inject_rows(const struct tm_process *process,
				    struct tm_mem *mem, const struct tm_image *image,
				    size_t *ret_n);

#endif
