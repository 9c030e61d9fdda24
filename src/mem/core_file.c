#include "mem/core_file.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/load.h"

/* The kernel's limit on mappings is 65530 unless raised; PN_XNUM allows more. */
enum { MAX_SEGMENTS = 1 << 22 };

struct reader {
	struct tm_core_file *core;
	const char *path;
	Elf *elf;
	uint64_t size; /* of the file */
};

bool tm_core_sniff(const void *head, size_t len)
{
	return len >= sizeof(Elf64_Ehdr) &&
	       memcmp(head, ELFMAG, SELFMAG) == 0 &&
	       tm_load_u8(head, EI_DATA) == ELFDATA2LSB &&
	       tm_load_u16(head, offsetof(Elf64_Ehdr, e_type)) == ET_CORE;
}

static bool corrupt(const struct reader *reader, const char *what,
		    struct tm_err *err)
{
	return tm_err_set(err, TM_ERR_CORRUPT, reader->path,
			  "a damaged core file: %s", what);
}

/* ---- segments ------------------------------------------------------------ */

static bool add_segment(struct reader *reader, const GElf_Phdr *phdr,
			struct tm_err *err)
{
	struct tm_core_file *core = reader->core;
	struct tm_core_segment segment = {
		.start = phdr->p_vaddr, .end = phdr->p_vaddr + phdr->p_memsz,
		.offset = phdr->p_offset, .filesz = phdr->p_filesz,
		.flags = phdr->p_flags,
	};

	if (phdr->p_memsz == 0)
		return true;
	if (segment.end < segment.start || phdr->p_filesz > phdr->p_memsz ||
	    phdr->p_offset > INT64_MAX || phdr->p_filesz > INT64_MAX)
		return corrupt(reader, "an impossible segment", err);
	if (phdr->p_offset + phdr->p_filesz > reader->size)
		core->truncated = true;
	core->segments[core->nsegments++] = segment;
	return true;
}

static int compare_segments(const void *pa, const void *pb)
{
	const struct tm_core_segment *a = pa, *b = pb;

	return (a->start > b->start) - (a->start < b->start);
}

static bool sort_segments(struct reader *reader, struct tm_err *err)
{
	struct tm_core_file *core = reader->core;

	qsort(core->segments, core->nsegments, sizeof(*core->segments),
	      compare_segments);
	for (size_t i = 1; i < core->nsegments; i++)
		if (core->segments[i].start < core->segments[i - 1].end)
			return corrupt(reader, "segments overlap", err);
	if (core->nsegments == 0)
		return corrupt(reader, "it has no memory", err);
	return true;
}

/* ---- notes --------------------------------------------------------------- */

static int compare_mappings(const void *pa, const void *pb)
{
	const struct tm_core_mapping *a = pa, *b = pb;

	return (a->start > b->start) - (a->start < b->start);
}

/* Words count, page size, count * {start, end, page}; then as many paths. */
static bool take_files(struct reader *reader, const char *desc, size_t size,
		       struct tm_err *err)
{
	struct tm_core_file *core = reader->core;
	uint64_t n = size >= 16 ? tm_load_u64(desc, 0) : 0;
	uint64_t page = n ? tm_load_u64(desc, 8) : 0;
	size_t text = 16 + (size_t)n * 24, len = size - text;

	if (n == 0 || core->mappings)
		return true;
	/* Each mapping takes its words and at least a NUL. */
	if (n > (size - 16) / 25 || page == 0 || page > UINT32_MAX)
		return corrupt(reader, "impossible NT_FILE note", err);
	core->paths = tm_malloc(len + 1);
	memcpy(core->paths, desc + text, len);
	core->paths[len] = '\0';
	core->mappings = tm_reallocarray(NULL, (size_t)n, sizeof(*core->mappings));
	for (size_t i = 0, at = 0; i < n && at < len; i++) {
		const char *words = desc + 16 + i * 24;
		struct tm_core_mapping mapping = {
			tm_load_u64(words, 0), tm_load_u64(words, 8),
			tm_load_u64(words, 16) * page, core->paths + at, -1,
		};

		at += strlen(core->paths + at) + 1;
		if (mapping.start < mapping.end && mapping.offset <= INT64_MAX / 2)
			core->mappings[core->nmappings++] = mapping;
	}
	qsort(core->mappings, core->nmappings, sizeof(*core->mappings),
	      compare_mappings);
	for (size_t i = 1; i < core->nmappings; i++)
		if (core->mappings[i].start < core->mappings[i - 1].end)
			return corrupt(reader, "mapped files overlap", err);
	return true;
}

static void take_process(struct tm_core_file *core, const char *desc, size_t size)
{
	struct elf_prpsinfo info;
	size_t len;

	if (size < sizeof(info))
		return;
	memcpy(&info, desc, sizeof(info));
	core->pid = info.pr_pid > 0 ? info.pr_pid : 0;
	len = strnlen(info.pr_psargs, sizeof(info.pr_psargs));
	while (len > 0 && info.pr_psargs[len - 1] == ' ')
		len--;
	memcpy(core->command, info.pr_psargs, len);
	core->command[len] = '\0';
	memcpy(core->name, info.pr_fname, sizeof(info.pr_fname));
}

static void take_thread(struct tm_core_file *core, const char *desc, size_t size)
{
	struct elf_prstatus status;
	struct tm_core_thread *thread;

	_Static_assert(sizeof(status.pr_reg) == sizeof(thread->regs), "one layout");
	if (size < sizeof(status))
		return;
	memcpy(&status, desc, sizeof(status));
	core->threads = tm_grow(core->threads, &core->threads_cap,
				core->nthreads + 1, sizeof(*core->threads));
	thread = &core->threads[core->nthreads++];
	thread->tid = status.pr_pid;
	memcpy(&thread->regs, status.pr_reg, sizeof(thread->regs));
}

static void take_auxv(struct tm_core_file *core, const char *desc, size_t size)
{
	for (size_t at = 0; at + 16 <= size; at += 16)
		if (tm_load_u64(desc, at) == AT_PHDR)
			core->exe_phdr = tm_load_u64(desc, at + 8);
		else if (tm_load_u64(desc, at) == AT_SYSINFO_EHDR)
			core->vdso = tm_load_u64(desc, at + 8);
		else if (tm_load_u64(desc, at) == AT_RANDOM)
			core->stack = tm_load_u64(desc, at + 8);
}

static bool take_notes(struct reader *reader, const GElf_Phdr *phdr,
		       struct tm_err *err)
{
	Elf_Data *data = NULL;
	size_t at = 0, name, desc;
	GElf_Nhdr note;

	if (phdr->p_offset < reader->size &&
	    phdr->p_filesz <= reader->size - phdr->p_offset)
		data = elf_getdata_rawchunk(reader->elf, (int64_t)phdr->p_offset,
					    phdr->p_filesz, ELF_T_NHDR);
	while (data && (at = gelf_getnote(data, at, &note, &name, &desc)) > 0) {
		const char *bytes = (const char *)data->d_buf + desc;

		if (note.n_namesz != sizeof("CORE") ||
		    memcmp((char *)data->d_buf + name, "CORE", 4) != 0)
			continue;
		if (note.n_type == NT_PRSTATUS)
			take_thread(reader->core, bytes, note.n_descsz);
		else if (note.n_type == NT_PRPSINFO)
			take_process(reader->core, bytes, note.n_descsz);
		else if (note.n_type == NT_AUXV)
			take_auxv(reader->core, bytes, note.n_descsz);
		else if (note.n_type == NT_FILE &&
			 !take_files(reader, bytes, note.n_descsz, err))
			return false;
	}
	return true;
}

/* ---- the file ------------------------------------------------------------ */

static bool check_machine(const struct reader *reader, struct tm_err *err)
{
	GElf_Ehdr ehdr;

	if (!gelf_getehdr(reader->elf, &ehdr) || ehdr.e_type != ET_CORE)
		return tm_err_set(err, TM_ERR_UNSUPPORTED, reader->path,
				  "not an ELF core file");
	if (ehdr.e_machine != TM_ELF_MACHINE ||
	    gelf_getclass(reader->elf) != ELFCLASS64)
		return tm_err_set(err, TM_ERR_UNSUPPORTED, reader->path,
				  "the core file of another machine than " TM_CPU_NAME);
	return true;
}

static bool read_headers(struct reader *reader, struct tm_err *err)
{
	size_t n;

	if (!check_machine(reader, err))
		return false;
	if (elf_getphdrnum(reader->elf, &n) != 0 ||
	    n > reader->size / sizeof(Elf64_Phdr) || n > MAX_SEGMENTS)
		return corrupt(reader, "unreadable program headers", err);
	reader->core->segments = tm_reallocarray(NULL, n ? n : 1,
						 sizeof(struct tm_core_segment));
	for (size_t i = 0; i < n; i++) {
		GElf_Phdr phdr;

		if (!gelf_getphdr(reader->elf, (int)i, &phdr))
			return corrupt(reader, "unreadable program headers", err);
		if (phdr.p_type == PT_LOAD && !add_segment(reader, &phdr, err))
			return false;
		if (phdr.p_type == PT_NOTE && !take_notes(reader, &phdr, err))
			return false;
	}
	return sort_segments(reader, err);
}

void tm_core_file_close(struct tm_core_file *core)
{
	tm_fd_close(&core->fd);
	free(core->segments);
	free(core->mappings);
	free(core->paths);
	free(core->threads);
	*core = (struct tm_core_file){ .fd = -1 };
}

static bool open_core(const char *path, struct tm_core_file *core,
		      struct tm_err *err)
{
	struct reader reader = { .core = core, .path = path };
	struct stat st;
	bool ok;

	core->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (core->fd < 0 || fstat(core->fd, &st) < 0)
		return tm_err_os(err, errno, path, "cannot open");
	reader.size = (uint64_t)st.st_size;
	elf_version(EV_CURRENT);
	reader.elf = elf_begin(core->fd, ELF_C_READ_MMAP, NULL);
	if (!reader.elf)
		return corrupt(&reader, elf_errmsg(-1), err);
	ok = read_headers(&reader, err);
	elf_end(reader.elf);
	return ok;
}

bool tm_core_file_open(const char *path, struct tm_core_file *ret,
		       struct tm_err *err)
{
	*ret = (struct tm_core_file){ .fd = -1 };
	if (open_core(path, ret, err))
		return true;
	tm_core_file_close(ret);
	return false;
}
