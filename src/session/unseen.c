#include "session/unseen.h"

#include <string.h>

#include "base/guard.h"
#include "image/elf_section.h"
#include "image/image_file.h"
#include "session/subject.h"
#include "target/maps.h"

#define VALGRIND "valgrind executes a translation of the program, which has no hooks"

/* Programs that keep what they allocate from malloc, by how the name of a file that
 * they map begins. */
static const struct {
	const char *file;
	const char *why;
} causes[] = {
	{ "node", "what V8 keeps is in mappings of its own, not in malloc's memory" },
	{ "libnode.so", "what V8 keeps is in mappings of its own, not in malloc's memory" },
	{ "php", "PHP has an allocator of its own: start it with USE_ZEND_ALLOC=0" },
	{ "libphp", "PHP has an allocator of its own: start it with USE_ZEND_ALLOC=0" },
	{ "chrome", "Chromium's PartitionAlloc is not malloc" },
	{ "electron", "Chromium's PartitionAlloc is not malloc" },
	{ "vgpreload_", VALGRIND },
	/* Its tools are programs, which map the one that they execute. */
	{ "memcheck-", VALGRIND },
	{ "massif-", VALGRIND },
	{ "callgrind-", VALGRIND },
	{ "cachegrind-", VALGRIND },
	{ "helgrind-", VALGRIND },
	{ "dhat-", VALGRIND },
	{ "drd-", VALGRIND },
	{ "qemu-", "an emulator executes a translation of its program, which has no hooks" },
};

static const char *cause_of_file(const char *path)
{
	const char *slash = strrchr(path, '/');

	for (size_t i = 0; slash && i < sizeof(causes) / sizeof(causes[0]); i++)
		if (strncmp(slash + 1, causes[i].file, strlen(causes[i].file)) == 0)
			return causes[i].why;
	return NULL;
}

static bool is_go(const struct tm_session *session, const struct tm_region *region)
{
	TM_GUARD(tm_image_free) struct tm_image image = { 0 };
	TM_GUARD(tm_fd_close) int fd = -1;
	struct tm_err err;
	GElf_Shdr shdr;
	Elf *elf;
	bool found;

	if (!tm_image_read(session->mem, region, &image, &err))
		return false;
	fd = tm_image_file_open(session->process.pid, &image);
	elf_version(EV_CURRENT);
	elf = fd >= 0 ? elf_begin(fd, ELF_C_READ, NULL) : NULL;
	found = elf && tm_elf_section(elf, ".go.buildinfo", &shdr);
	elf_end(elf);
	return found;
}

const char *tm_unseen_cause(const struct tm_session *session)
{
	TM_GUARD(tm_maps_free) struct tm_maps maps = { 0 };
	bool first = true;
	struct tm_err err;

	if (!tm_maps_read(session->process.pid, &maps, &err))
		return NULL;
	for (size_t i = 0; i < maps.n; i++) {
		const struct tm_region *region = &maps.regions[i];
		const char *why = region->offset ? NULL : cause_of_file(region->path);

		if (why)
			return why;
		/* The program is what is mapped lowest. */
		if (first && region->path[0] == '/' && is_go(session, region))
			return "Go's runtime has a heap of its own: its pprof shows that";
		first &= region->path[0] != '/';
	}
	return NULL;
}

void tm_remark_growth(const struct tm_session *session, uint64_t traced, uint64_t before)
{
	enum { LITTLE = 16 << 20 };
	const double mib = 1 << 20;
	uint64_t kib = 0, grown;
	const char *why;

	if (!before || !tm_process_status_u64(session->process.pid, session->process.pid,
					      "RssAnon", 10, &kib))
		return;
	grown = kib * 1024 > before ? kib * 1024 - before : 0;
	if (grown < LITTLE || (grown - LITTLE) / 3 < traced)
		return;
	why = tm_unseen_cause(session);
	tm_subject_note(session, "traced %.1f MiB, but the process grew by %.1f MiB: %s",
			(double)traced / mib, (double)grown / mib,
			why ? why : "freed memory that malloc keeps (see `tmattach info'), mappings, "
			"or an allocator that is not known (--alloc)");
}
