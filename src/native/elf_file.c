#include "native/elf_file.h"

#include <elfutils/libdwelf.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <lzma.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/load.h"
#include "image/elf_section.h"

enum { MAX_VDSO = 1 << 20, MAX_MINI = 512 << 20 };

void native_elf_close(struct native_elf *file)
{
	if (file->elf)
		elf_end(file->elf);
	if (file->elf && file->fd >= 0)
		close(file->fd);
	free(file->bytes);
	free(file->path);
	*file = (struct native_elf){ .fd = -1 };
}

/* Takes the fd, also on failure. */
static bool begin(int fd, struct native_elf *ret)
{
	struct stat st;

	*ret = (struct native_elf){ .fd = -1 };
	elf_version(EV_CURRENT);
	if (fd < 0)
		return false;
	/* Never wait on a FIFO that someone put in the place of a file. */
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		ret->elf = elf_begin(fd, ELF_C_READ, NULL);
	if (ret->elf && elf_kind(ret->elf) == ELF_K_ELF) {
		ret->fd = fd;
		return true;
	}
	if (ret->elf)
		elf_end(ret->elf);
	ret->elf = NULL;
	close(fd);
	return false;
}

/* Takes the bytes, also on failure. */
static bool begin_bytes(char *bytes, size_t len, struct native_elf *ret)
{
	*ret = (struct native_elf){ .fd = -1, .bytes = bytes };
	elf_version(EV_CURRENT);
	ret->elf = elf_memory(bytes, len);
	if (ret->elf && elf_kind(ret->elf) == ELF_K_ELF)
		return true;
	native_elf_close(ret);
	return false;
}

int native_open_in_root(pid_t pid, const char *path)
{
	struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	char root[64];
	TM_GUARD(tm_fd_close) int dir = -1;

	snprintf(root, sizeof(root), "/proc/%d/root", (int)pid);
	dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -1;
	return (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
}

static int open_here(const char *path)
{
	return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

static bool has_build_id(Elf *elf, const void *id, size_t len)
{
	const void *found;
	ssize_t n = dwelf_elf_gnu_build_id(elf, &found);

	return n > 0 && (size_t)n == len && memcmp(found, id, len) == 0;
}

/* Contents and names of a file cannot change without this time; it is that of the last
 * tick of the clock. */
static bool is_older(const struct stat *st, uint64_t than_ns)
{
	const uint64_t tick = 20000000;

	return (uint64_t)st->st_ctim.tv_sec * 1000000000u + (uint64_t)st->st_ctim.tv_nsec +
	       tick < than_ns;
}

/* The file at `path`, if it is the one that is wanted. Takes the fd. */
typedef bool accept_fn(const struct native_elf *file, const void *arg);

static bool open_wanted(int fd, const char *path, accept_fn *accept, const void *arg,
			struct native_elf *ret)
{
	if (!begin(fd, ret))
		return false;
	ret->path = tm_strdup(path);
	if (accept(ret, arg))
		return true;
	native_elf_close(ret);
	return false;
}

/* The same file as was mapped? The build-id decides where there is one. */
static bool accept_module(const struct native_elf *file, const void *arg)
{
	const struct native_module *module = arg;
	struct stat st;

	if (module->image.build_id_len)
		return has_build_id(file->elf, module->image.build_id,
				    module->image.build_id_len);
	if (file->fd < 0 || fstat(file->fd, &st) != 0)
		return false;
	if (module->remembered)
		return is_older(&st, module->unchanged_ns);
	return st.st_ino == module->inode &&
	       major(st.st_dev) == module->dev_major &&
	       minor(st.st_dev) == module->dev_minor;
}

/* By more than its path? */
static bool is_known_anywhere(const struct native_module *module)
{
	return !module->remembered || module->image.build_id_len;
}

/* The kernel's link to the very file, whatever became of its name. */
static int open_map_file(const struct native_module *module, pid_t pid)
{
	char path[128];

	snprintf(path, sizeof(path),
		 "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, (int)pid,
		 module->start, module->end);
	return module->mapped ? open_here(path) : -1;
}

static bool open_memory(const struct native_module *module, struct tm_mem *mem,
			struct native_elf *ret)
{
	size_t len = (size_t)(module->end - module->start);
	char *bytes;

	/* Only in this case are the section headers mapped. */
	if (strcmp(module->path, "[vdso]") != 0 || len > MAX_VDSO)
		return false;
	bytes = tm_malloc(len);
	len = tm_mem_read_some(mem, module->start, bytes, len);
	return begin_bytes(bytes, len, ret);
}

static bool take(const struct native_module *module, int fd,
		 struct native_elf *ret)
{
	return open_wanted(fd, module->path, accept_module, module, ret);
}

bool native_elf_open_module(const struct native_module *module, pid_t pid,
			    struct tm_mem *mem, unsigned via,
			    struct native_elf *ret)
{
	*ret = (struct native_elf){ .fd = -1 };
	if (module->inode == 0 && !module->remembered)
		return (via & NATIVE_VIA_MEMORY) && open_memory(module, mem, ret);
	if ((via & NATIVE_VIA_MAP_FILES) &&
	    take(module, open_map_file(module, pid), ret))
		return true;
	/* The kernel prints paths as seen from our root where it can. */
	return (via & NATIVE_VIA_ROOT) &&
	       (take(module, native_open_in_root(pid, module->path), ret) ||
		(is_known_anywhere(module) && take(module, open_here(module->path), ret)));
}

bool native_elf_has_file(const struct native_module *module, pid_t pid)
{
	struct native_elf file;
	bool found = native_elf_open_module(module, pid, NULL, NATIVE_VIA_ROOT, &file);

	native_elf_close(&file);
	return found;
}

/* The file of that path in the target's root or else in ours. */
static bool open_either(pid_t pid, const char *path, accept_fn *accept,
			const void *arg, struct native_elf *ret)
{
	return open_wanted(native_open_in_root(pid, path), path, accept, arg, ret) ||
	       open_wanted(open_here(path), path, accept, arg, ret);
}

struct wanted_id {
	const void *bytes;
	size_t len;
};

static bool accept_id(const struct native_elf *file, const void *arg)
{
	const struct wanted_id *id = arg;

	return has_build_id(file->elf, id->bytes, id->len);
}

/* Of what was fetched before by somebody else: debuginfod(8). */
static char *fetched_path(const char *hex)
{
	const char *own = getenv("DEBUGINFOD_CACHE_PATH");
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

	if (own && own[0])
		return tm_asprintf("%s/%s/debuginfo", own, hex);
	if (cache && cache[0])
		return tm_asprintf("%s/debuginfod_client/%s/debuginfo", cache, hex);
	return tm_asprintf("%s/.cache/debuginfod_client/%s/debuginfo", home ? home : "", hex);
}

static bool open_fetched(const char *hex, const struct wanted_id *id, struct native_elf *ret)
{
	TM_GUARD(tm_free_ptr) char *path = fetched_path(hex);

	return open_wanted(open_here(path), path, accept_id, id, ret);
}

static bool open_by_id(pid_t pid, const struct wanted_id *id,
		       struct native_elf *ret)
{
	enum { LONGEST = 64 };
	const uint8_t *bytes = id->bytes;
	char hex[2 * LONGEST + 1], path[2 * LONGEST + 64];

	if (id->len < 2 || id->len > LONGEST)
		return false;
	for (size_t i = 0; i < id->len; i++)
		snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
	snprintf(path, sizeof(path), "/usr/lib/debug/.build-id/%.2s/%s.debug", hex, hex + 2);
	return open_either(pid, path, accept_id, id, ret) || open_fetched(hex, id, ret);
}

/* .gnu_debuglink's checksum: the CRC-32 of zlib and xz. */
static bool accept_crc(const struct native_elf *file, const void *arg)
{
	uint8_t buf[16384];
	uint32_t crc = 0;
	off_t at = 0;
	ssize_t n;

	while ((n = pread(file->fd, buf, sizeof(buf), at)) > 0) {
		crc = lzma_crc32(buf, (size_t)n, crc);
		at += n;
	}
	return n == 0 && crc == *(const uint32_t *)arg;
}

static bool open_by_link(const struct native_module *module, pid_t pid,
			 Elf *main, struct native_elf *ret)
{
	static const char *const places[] = {
		"%.*s/%s", "%.*s/.debug/%s", "/usr/lib/debug%.*s/%s",
	};
	const char *slash = strrchr(module->path, '/');
	GElf_Word crc;
	const char *name = dwelf_elf_gnu_debuglink(main, &crc);
	uint32_t wanted = crc;

	if (!name || !slash || strchr(name, '/'))
		return false;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		TM_GUARD(tm_free_ptr) char *path =
			tm_asprintf(places[i], (int)(slash - module->path),
				    module->path, name);

		if (open_either(pid, path, accept_crc, &wanted, ret))
			return true;
	}
	return false;
}

bool native_elf_open_debug(const struct native_module *module, pid_t pid,
			   Elf *main, struct native_elf *ret)
{
	struct wanted_id id = { module->image.build_id,
				module->image.build_id_len };

	*ret = (struct native_elf){ .fd = -1 };
	return open_by_id(pid, &id, ret) ||
	       (main && open_by_link(module, pid, main, ret));
}

static Elf_Data *section_data(Elf *elf, const char *name)
{
	GElf_Shdr shdr;
	Elf_Scn *section = tm_elf_section(elf, name, &shdr);

	return section ? elf_rawdata(section, NULL) : NULL;
}

/* Not dwelf_dwarf_gnu_debugaltlink(): that one wants a Dwarf, which cannot
 * be had from some damaged files that still have symbols. */
static const char *alt_link(Elf *elf, struct wanted_id *ret)
{
	Elf_Data *data = section_data(elf, ".gnu_debugaltlink");
	const char *end;

	if (!data || !data->d_buf || !data->d_size)
		return NULL;
	end = memchr(data->d_buf, '\0', data->d_size);
	if (!end)
		return NULL;
	ret->bytes = end + 1;
	ret->len = data->d_size - (size_t)(end + 1 - (const char *)data->d_buf);
	return data->d_buf;
}

bool native_elf_open_alt(const struct native_elf *file, pid_t pid,
			 struct native_elf *ret)
{
	struct wanted_id id;
	const char *name = alt_link(file->elf, &id);
	const char *slash = file->path ? strrchr(file->path, '/') : NULL;
	TM_GUARD(tm_free_ptr) char *path = NULL;

	*ret = (struct native_elf){ .fd = -1 };
	if (!name)
		return false;
	if (open_by_id(pid, &id, ret))
		return true;
	if (name[0] == '/')
		path = tm_strdup(name);
	else if (slash)
		path = tm_asprintf("%.*s/%s", (int)(slash - file->path),
				   file->path, name);
	return path && open_either(pid, path, accept_id, &id, ret);
}

/* All of an xz stream, or NULL. The claimed sizes are not trusted: memory
 * grows with what is really unpacked. */
static char *unxz(const void *in, size_t in_len, size_t *ret_len)
{
	lzma_stream stream = LZMA_STREAM_INIT;
	size_t cap = 1 << 20, len = 0;
	char *out = tm_malloc(cap);
	lzma_ret status;

	if (lzma_stream_decoder(&stream, 256 << 20, 0) != LZMA_OK) {
		free(out);
		return NULL;
	}
	stream.next_in = in;
	stream.avail_in = in_len;
	do {
		if (len == cap)
			out = tm_realloc(out, cap *= 2);
		stream.next_out = (uint8_t *)out + len;
		stream.avail_out = cap - len;
		status = lzma_code(&stream, LZMA_FINISH);
		len = cap - stream.avail_out;
	} while (status == LZMA_OK && len <= MAX_MINI);
	lzma_end(&stream);
	*ret_len = len;
	if (status == LZMA_STREAM_END)
		return out;
	free(out);
	return NULL;
}

bool native_elf_open_mini(Elf *main, struct native_elf *ret)
{
	Elf_Data *data = section_data(main, ".gnu_debugdata");
	size_t len = 0;
	char *bytes = NULL;

	*ret = (struct native_elf){ .fd = -1 };
	if (data && data->d_buf)
		bytes = unxz(data->d_buf, data->d_size, &len);
	return bytes && begin_bytes(bytes, len, ret);
}
