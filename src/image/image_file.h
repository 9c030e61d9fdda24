/*
 * The ELF file of a loaded image, for what memory does not hold: .symtab
 * and DWARF. It is looked for through the target's own eyes, and used only if
 * its build-id (or, without one, device and inode) is that of the image.
 */
#ifndef TM_IMAGE_IMAGE_FILE_H
#define TM_IMAGE_IMAGE_FILE_H

#include <sys/types.h>

#include "image/image.h"

/* A descriptor of the file, -1 if it cannot be had. Tries
 * /proc/PID/map_files (privileged; finds deleted files and other mount
 * namespaces), then the path under /proc/PID/root. */
int tm_image_file_open(pid_t pid, const struct tm_image *image);

/* Has this ELF file the build-id of the image? */
bool tm_image_file_has_build_id(int fd, const struct tm_image *image);

struct tm_image_file;

/* NULL if the file cannot be read or is not ELF: never an error. */
struct tm_image_file *tm_image_file_read(pid_t pid, const struct tm_image *image);
void tm_image_file_destroy(struct tm_image_file *file); /* NULL is fine */

/*
 * A symbol of .symtab, local ones included. False if there is none of that
 * name, or several with different addresses (then it is ambiguous).
 */
bool tm_image_file_symbol(const struct tm_image_file *file, const char *name,
			  struct tm_symbol *ret);

/*
 * The offset of a member of a struct, from DWARF: in the first compilation
 * unit whose source file name ends in `unit` (a string constant: it is
 * remembered). False if DWARF does not have it.
 */
bool tm_image_file_member(struct tm_image_file *file, const char *unit,
			  const char *type, const char *member, uint64_t *ret);

#endif
