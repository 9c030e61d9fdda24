#include "image/image.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/load.h"

/* Plausibility: the largest symbol tables seen have some 10^5 entries. */
enum { MAX_SYMBOLS = 4 << 20, MAX_STRINGS = 256 << 20, MAX_DYNAMIC = 1024,
       MAX_PHDRS = 64, MAX_NOTES = 64 << 10 };

struct dynamic {
	tm_addr symtab, strtab, gnu_hash, hash;
	uint64_t strsz, debug;
	bool relocated;
};

void tm_image_free(struct tm_image *image)
{
	free(image->dynsym);
	free(image->dynstr);
	*image = (struct tm_image){ 0 };
}

static bool no_image(const struct tm_region *region, const char *why,
		     struct tm_err *err)
{
	return tm_err_set(err, TM_ERR_UNSUPPORTED, region->path, "%s", why);
}

static bool read_phdrs(struct tm_mem *mem, const struct tm_region *region,
		       Elf64_Ehdr *ehdr, Elf64_Phdr *phdrs, struct tm_err *err)
{
	if (!tm_mem_read(mem, region->start, ehdr, sizeof(*ehdr), err))
		return false;
	if (memcmp(ehdr->e_ident, ELFMAG, SELFMAG) != 0 ||
	    ehdr->e_ident[EI_CLASS] != ELFCLASS64 ||
	    ehdr->e_phentsize != sizeof(Elf64_Phdr) || ehdr->e_phnum == 0 ||
	    ehdr->e_phnum > MAX_PHDRS)
		return no_image(region, "not a 64-bit ELF image", err);
	return tm_mem_read(mem, region->start + ehdr->e_phoff, phdrs,
			   ehdr->e_phnum * sizeof(*phdrs), err);
}

static void take_segment(struct tm_image *image, const Elf64_Phdr *phdr)
{
	struct tm_range range = {
		image->bias + phdr->p_vaddr,
		image->bias + phdr->p_vaddr + phdr->p_memsz,
	};

	if (image->nsegments == TM_IMAGE_MAX_SEGMENTS || range.end < range.start)
		return;
	if (image->nsegments == 0 || range.start < image->whole.start)
		image->whole.start = range.start;
	if (range.end > image->whole.end)
		image->whole.end = range.end;
	image->flags[image->nsegments] = phdr->p_flags;
	image->segments[image->nsegments++] = range;
}

static void take_build_id(struct tm_mem *mem, struct tm_image *image,
			  const Elf64_Phdr *phdr)
{
	size_t size = phdr->p_memsz < MAX_NOTES ? phdr->p_memsz : MAX_NOTES;
	TM_GUARD(tm_free_ptr) char *notes = tm_malloc(size);
	struct tm_err err;
	size_t at = 0;

	if (!tm_mem_read(mem, image->bias + phdr->p_vaddr, notes, size, &err))
		return;
	while (at + 12 <= size) {
		uint32_t namesz = tm_load_u32(notes, at);
		uint32_t descsz = tm_load_u32(notes, at + 4);
		size_t name = at + 12;
		size_t desc = name + ((size_t)namesz + 3) / 4 * 4;
		size_t next = desc + ((size_t)descsz + 3) / 4 * 4;

		if (next > size)
			return;
		if (tm_load_u32(notes, at + 8) == NT_GNU_BUILD_ID &&
		    namesz == 4 && memcmp(notes + name, "GNU", 4) == 0 &&
		    descsz <= sizeof(image->build_id)) {
			memcpy(image->build_id, notes + desc, descsz);
			image->build_id_len = descsz;
			return;
		}
		at = next;
	}
}

/* The dynamic linker of glibc relocates these pointers in place, musl's and
 * static programs do not. */
static bool is_relocated(const struct tm_image *image, uint64_t value)
{
	return tm_range_has(image->whole, value);
}

static tm_addr rebase(const struct tm_image *image, uint64_t value)
{
	return is_relocated(image, value) ? value : value + image->bias;
}

static void take_dynamic(const struct tm_image *image, const Elf64_Dyn *dyn,
			 struct dynamic *ret)
{
	uint64_t value = dyn->d_un.d_val;

	switch (dyn->d_tag) {
	case DT_SYMTAB:
		ret->symtab = rebase(image, value);
		break;
	case DT_STRTAB:
		ret->strtab = rebase(image, value);
		ret->relocated = is_relocated(image, value);
		break;
	case DT_GNU_HASH:
		ret->gnu_hash = rebase(image, value);
		break;
	case DT_HASH:
		ret->hash = rebase(image, value);
		break;
	case DT_STRSZ:
		ret->strsz = value;
		break;
	case DT_DEBUG:
		ret->debug = value;
		break;
	default:
		break;
	}
}

static bool collect_dynamic(struct tm_mem *mem, const struct tm_image *image,
			    const Elf64_Phdr *phdr, struct dynamic *ret)
{
	struct tm_err err;
	size_t n = phdr->p_memsz / sizeof(Elf64_Dyn);
	TM_GUARD(tm_free_ptr) Elf64_Dyn *dyn = NULL;

	*ret = (struct dynamic){ 0 };
	if (n > MAX_DYNAMIC)
		n = MAX_DYNAMIC;
	dyn = tm_reallocarray(NULL, n, sizeof(*dyn));
	if (!tm_mem_read(mem, image->bias + phdr->p_vaddr, dyn,
			 n * sizeof(*dyn), &err))
		return false;
	for (size_t i = 0; i < n && dyn[i].d_tag != DT_NULL; i++)
		take_dynamic(image, &dyn[i], ret);
	return true;
}

/* The number of symbols is not stored anywhere: it is one more than the last of
 * the longest-reaching hash chain. */
static bool count_gnu_hash(struct tm_mem *mem, tm_addr at, size_t *ret,
			   struct tm_err *err)
{
	uint32_t head[4], last = 0, entry;
	TM_GUARD(tm_free_ptr) uint32_t *buckets = NULL;
	tm_addr chains;

	if (!tm_mem_read(mem, at, head, sizeof(head), err))
		return false;
	if (head[0] > MAX_SYMBOLS || head[2] > MAX_SYMBOLS)
		return tm_err_set(err, TM_ERR_CORRUPT, "symbol hash table",
				  "implausible size");
	buckets = tm_reallocarray(NULL, head[0] ? head[0] : 1, sizeof(*buckets));
	at += sizeof(head) + (tm_addr)head[2] * 8;
	chains = at + (tm_addr)head[0] * 4;
	if (!tm_mem_read(mem, at, buckets, head[0] * sizeof(*buckets), err))
		return false;
	for (uint32_t i = 0; i < head[0]; i++)
		if (buckets[i] > last)
			last = buckets[i];
	if (last < head[1]) {
		*ret = head[1];
		return true;
	}
	do {
		if (last >= MAX_SYMBOLS ||
		    !tm_mem_u32(mem, chains + (tm_addr)(last - head[1]) * 4,
				&entry, err))
			return false;
		last++;
	} while (!(entry & 1));
	*ret = last;
	return true;
}

static bool count_symbols(struct tm_mem *mem, const struct dynamic *dyn,
			  size_t *ret, struct tm_err *err)
{
	uint32_t head[2];

	if (dyn->gnu_hash)
		return count_gnu_hash(mem, dyn->gnu_hash, ret, err);
	if (dyn->hash && tm_mem_read(mem, dyn->hash, head, sizeof(head), err)) {
		*ret = head[1];
		return true;
	}
	return false;
}

/* An image without symbols is not an error: look-ups find nothing in it. */
static void read_symbols(struct tm_mem *mem, struct tm_image *image,
			 const struct dynamic *dyn)
{
	struct tm_err err;
	size_t n = 0;

	if (!dyn->symtab || !dyn->strtab || dyn->strsz > MAX_STRINGS ||
	    !count_symbols(mem, dyn, &n, &err) || n > MAX_SYMBOLS)
		return;
	image->dynsym = tm_reallocarray(NULL, n, sizeof(*image->dynsym));
	image->dynstr = tm_malloc(dyn->strsz + 1);
	if (!tm_mem_read(mem, dyn->symtab, image->dynsym,
			 n * sizeof(*image->dynsym), &err) ||
	    !tm_mem_read(mem, dyn->strtab, image->dynstr, dyn->strsz, &err))
		return;
	image->dynstr[dyn->strsz] = '\0';
	image->dynstr_len = dyn->strsz;
	image->ndynsym = n;
}

static void read_dynamic(struct tm_mem *mem, struct tm_image *image,
			 const Elf64_Phdr *phdr, bool symbols)
{
	struct dynamic dyn;

	image->dynamic = image->bias + phdr->p_vaddr;
	if (!symbols || !collect_dynamic(mem, image, phdr, &dyn))
		return;
	image->debug = dyn.debug;
	image->relocated = dyn.relocated;
	read_symbols(mem, image, &dyn);
}

static bool read_image(struct tm_mem *mem, const struct tm_region *region, bool symbols,
		       struct tm_image *ret, struct tm_err *err)
{
	Elf64_Ehdr ehdr;
	Elf64_Phdr phdrs[MAX_PHDRS];
	tm_addr lowest = UINT64_MAX;

	*ret = (struct tm_image){ .path = region->path, .first = region };
	if (!read_phdrs(mem, region, &ehdr, phdrs, err))
		return false;
	for (int i = 0; i < ehdr.e_phnum; i++)
		if (phdrs[i].p_type == PT_LOAD && phdrs[i].p_vaddr < lowest)
			lowest = phdrs[i].p_vaddr;
	if (lowest == UINT64_MAX)
		return no_image(region, "an ELF image without segments", err);
	ret->bias = region->start - lowest / TM_PAGE * TM_PAGE;
	ret->entry = ehdr.e_entry;
	for (int i = 0; i < ehdr.e_phnum; i++)
		if (phdrs[i].p_type == PT_LOAD)
			take_segment(ret, &phdrs[i]);
	for (int i = 0; i < ehdr.e_phnum; i++)
		if (phdrs[i].p_type == PT_NOTE && !ret->build_id_len)
			take_build_id(mem, ret, &phdrs[i]);
		else if (phdrs[i].p_type == PT_DYNAMIC && !ret->dynamic)
			read_dynamic(mem, ret, &phdrs[i], symbols);
		else if (phdrs[i].p_type == PT_GNU_EH_FRAME)
			ret->eh_frame_hdr = ret->bias + phdrs[i].p_vaddr;
	return true;
}

bool tm_image_read(struct tm_mem *mem, const struct tm_region *region,
		   struct tm_image *ret, struct tm_err *err)
{
	return read_image(mem, region, true, ret, err);
}

bool tm_image_read_head(struct tm_mem *mem, const struct tm_region *region,
			struct tm_image *ret, struct tm_err *err)
{
	return read_image(mem, region, false, ret, err);
}

bool tm_image_dynsym(const struct tm_image *image, const char *name,
		     struct tm_symbol *ret)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < image->ndynsym; i++) {
		const Elf64_Sym *sym = &image->dynsym[i];

		if (sym->st_shndx == SHN_UNDEF ||
		    sym->st_name + len >= image->dynstr_len + 1 ||
		    memcmp(image->dynstr + sym->st_name, name, len + 1) != 0)
			continue;
		*ret = (struct tm_symbol){ image->bias + sym->st_value,
					   sym->st_size };
		return true;
	}
	return false;
}

bool tm_image_exports(const struct tm_image *image, const char *name)
{
	struct tm_symbol symbol;

	return tm_image_dynsym(image, name, &symbol);
}

bool tm_image_imports(const struct tm_image *image, const char *name)
{
	for (size_t i = 0; i < image->ndynsym; i++) {
		const Elf64_Sym *sym = &image->dynsym[i];

		if (sym->st_shndx == SHN_UNDEF && sym->st_name < image->dynstr_len &&
		    strcmp(image->dynstr + sym->st_name, name) == 0)
			return true;
	}
	return false;
}

bool tm_image_is_libc(const struct tm_image *image)
{
	return tm_image_exports(image, "__libc_start_main") ||
	       tm_image_exports(image, "__pthread_mutex_lock");
}

bool tm_image_need(const struct tm_image *image, const char *name,
		   struct tm_symbol *ret, struct tm_err *err)
{
	if (tm_image_dynsym(image, name, ret))
		return true;
	return tm_err_set(err, TM_ERR_UNSUPPORTED, image->path,
			  "unknown build: it does not export %s", name);
}

bool tm_image_holds(const struct tm_image *image, tm_addr at, uint32_t flags)
{
	for (size_t i = 0; i < image->nsegments; i++)
		if (tm_range_has(image->segments[i], at) &&
		    (image->flags[i] & flags) == flags)
			return true;
	return false;
}
