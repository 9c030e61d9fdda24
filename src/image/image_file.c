#include "image/image_file.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <gelf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/guard.h"

struct tm_image_file {
	int fd;
	Elf *elf;
	Dwarf *dwarf;        /* NULL without DWARF */
	tm_addr bias;
	const char *unit;    /* the unit found last: there are many units */
	Dwarf_Die unit_die;
};

/* ---- finding it --------------------------------------------------------- */

static bool same_inode(int fd, const struct tm_region *region)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_ino == region->inode &&
	       major(st.st_dev) == region->dev_major &&
	       minor(st.st_dev) == region->dev_minor;
}

static bool note_matches(Elf_Data *data, const struct tm_image *image)
{
	size_t at = 0, name, desc;
	GElf_Nhdr note;

	while ((at = gelf_getnote(data, at, &note, &name, &desc)) > 0)
		if (note.n_type == NT_GNU_BUILD_ID &&
		    note.n_descsz == image->build_id_len &&
		    memcmp((char *)data->d_buf + desc, image->build_id,
			   image->build_id_len) == 0)
			return true;
	return false;
}

static bool same_build_id(Elf *elf, const struct tm_image *image)
{
	size_t n;

	if (elf_getphdrnum(elf, &n) != 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		GElf_Phdr phdr;
		Elf_Data *data;

		if (!gelf_getphdr(elf, (int)i, &phdr) || phdr.p_type != PT_NOTE)
			continue;
		data = elf_getdata_rawchunk(elf, (int64_t)phdr.p_offset,
					    phdr.p_filesz, ELF_T_NHDR);
		if (data && note_matches(data, image))
			return true;
	}
	return false;
}

bool tm_image_file_has_build_id(int fd, const struct tm_image *image)
{
	bool same;
	Elf *elf;

	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	same = elf && same_build_id(elf, image);
	elf_end(elf);
	return same;
}

static bool is_the_file(int fd, const struct tm_image *image)
{
	/* Overlay file systems show other numbers in maps than in stat(). */
	if (image->build_id_len == 0)
		return same_inode(fd, image->first);
	return tm_image_file_has_build_id(fd, image);
}

int tm_image_file_open(pid_t pid, const struct tm_image *image)
{
	char path[4200];

	elf_version(EV_CURRENT);
	for (int attempt = 0; attempt < 2; attempt++) {
		TM_GUARD(tm_fd_close) int fd = -1;

		if (attempt == 0)
			snprintf(path, sizeof(path),
				 "/proc/%d/map_files/%" PRIx64 "-%" PRIx64,
				 (int)pid, image->first->start, image->first->end);
		else
			snprintf(path, sizeof(path), "/proc/%d/root%s", (int)pid,
				 image->first->path);
		/* O_NONBLOCK: the path may lead to a FIFO now. */
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (fd >= 0 && is_the_file(fd, image))
			return tm_fd_take(&fd);
	}
	return -1;
}

/* ---- reading it ----------------------------------------------------------- */

struct tm_image_file *tm_image_file_read(pid_t pid, const struct tm_image *image)
{
	int fd = tm_image_file_open(pid, image);
	struct tm_image_file *file;

	if (fd < 0)
		return NULL;
	file = tm_calloc(1, sizeof(*file));
	file->fd = fd;
	file->bias = image->bias;
	file->elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	if (!file->elf) {
		tm_image_file_destroy(file);
		return NULL;
	}
	file->dwarf = dwarf_begin_elf(file->elf, DWARF_C_READ, NULL);
	return file;
}

void tm_image_file_destroy(struct tm_image_file *file)
{
	if (!file)
		return;
	dwarf_end(file->dwarf);
	elf_end(file->elf);
	close(file->fd);
	free(file);
}

static Elf_Scn *find_symtab(Elf *elf, GElf_Shdr *ret)
{
	Elf_Scn *scn = NULL;

	while ((scn = elf_nextscn(elf, scn)))
		if (gelf_getshdr(scn, ret) && ret->sh_type == SHT_SYMTAB)
			return scn;
	return NULL;
}

bool tm_image_file_symbol(const struct tm_image_file *file, const char *name,
			  struct tm_symbol *ret)
{
	GElf_Shdr shdr;
	Elf_Scn *scn = find_symtab(file->elf, &shdr);
	Elf_Data *data = scn ? elf_getdata(scn, NULL) : NULL;
	size_t n = data && shdr.sh_entsize ? shdr.sh_size / shdr.sh_entsize : 0;
	bool found = false;

	for (size_t i = 0; i < n; i++) {
		GElf_Sym sym;
		const char *text;

		if (!gelf_getsym(data, (int)i, &sym) || sym.st_shndx == SHN_UNDEF)
			continue;
		text = elf_strptr(file->elf, shdr.sh_link, sym.st_name);
		if (!text || strcmp(text, name) != 0)
			continue;
		if (found && ret->address != file->bias + sym.st_value)
			return false;
		*ret = (struct tm_symbol){ file->bias + sym.st_value, sym.st_size };
		found = true;
	}
	return found;
}

static bool ends_with(const char *text, const char *tail)
{
	size_t len = text ? strlen(text) : 0;

	return len >= strlen(tail) && strcmp(text + len - strlen(tail), tail) == 0;
}

static bool find_unit(struct tm_image_file *file, const char *unit)
{
	Dwarf_CU *cu = NULL;

	if (file->unit == unit)
		return true;
	while (file->dwarf && dwarf_get_units(file->dwarf, cu, &cu, NULL, NULL,
					      &file->unit_die, NULL) == 0)
		if (dwarf_tag(&file->unit_die) == DW_TAG_compile_unit &&
		    ends_with(dwarf_diename(&file->unit_die), unit)) {
			file->unit = unit;
			return true;
		}
	return false;
}

static bool find_child(Dwarf_Die *parent, int tag, const char *name,
		       Dwarf_Die *ret)
{
	if (dwarf_child(parent, ret) != 0)
		return false;
	do {
		const char *text = dwarf_diename(ret);

		if (dwarf_tag(ret) == tag && text && strcmp(text, name) == 0 &&
		    !dwarf_hasattr(ret, DW_AT_declaration))
			return true;
	} while (dwarf_siblingof(ret, ret) == 0);
	return false;
}

bool tm_image_file_member(struct tm_image_file *file, const char *unit,
			  const char *type, const char *member, uint64_t *ret)
{
	Dwarf_Die type_die, member_die;
	Dwarf_Attribute attr;
	Dwarf_Word offset;

	if (!find_unit(file, unit) ||
	    !find_child(&file->unit_die, DW_TAG_structure_type, type, &type_die) ||
	    !find_child(&type_die, DW_TAG_member, member, &member_die) ||
	    !dwarf_attr(&member_die, DW_AT_data_member_location, &attr) ||
	    dwarf_formudata(&attr, &offset) != 0)
		return false;
	*ret = offset;
	return true;
}
