#include "native/go_table.h"

#include <string.h>

#include "base/load.h"
#include "base/search.h"
#include "image/elf_section.h"

enum {
	GO_1_16 = 0xfa, GO_1_18 = 0xf0, GO_1_20 = 0xf1, /* of the magic; the rest is all ones */
	QUANTUM = 6, POINTER = 7, HEADER = 8, WORD = 8,
	TEXT_AT = HEADER + 2 * WORD, /* from 1.18 on */
	/* struct _func behind its entry */
	NAME = 0, VALUES_FILE = 16, VALUES_LINE = 20, UNIT = 28, FUNC_SIZE = 32,
	MAX_FUNCS = 1 << 24, MAX_STEPS = 1 << 20,
};

static bool in_table(const struct native_go_table *table, uint64_t at, size_t len)
{
	return at <= table->len && len <= table->len - at;
}

/* The words of the header: their number, and which they are, differs. */
bool native_go_table_read(const void *bytes, size_t len, struct native_go_table *ret)
{
	const char *head = bytes;
	struct native_go_table table = { .bytes = bytes, .len = len };
	uint64_t words[8];
	uint32_t magic;
	size_t first;

	if (len < HEADER + sizeof(words) || tm_load_u16(head, 4) != 0 ||
	    tm_load_u8(head, POINTER) != WORD)
		return false;
	magic = tm_load_u32(head, 0);
	if (magic >> 8 != 0xffffff || ((magic & 0xff) != GO_1_16 && (magic & 0xff) != GO_1_18 &&
				       (magic & 0xff) != GO_1_20))
		return false;
	memcpy(words, head + HEADER, sizeof(words));
	first = (magic & 0xff) == GO_1_16 ? 2 : 3;
	table.word = (magic & 0xff) == GO_1_16 ? 8 : 4;
	table.nfuncs = words[0];
	table.text = first == 3 ? words[2] : 0;
	table.names = words[first];
	table.units = words[first + 1];
	table.files = words[first + 2];
	table.values = words[first + 3];
	table.functions = words[first + 4];
	if (table.nfuncs == 0 || table.nfuncs > MAX_FUNCS ||
	    !in_table(&table, table.functions, (size_t)(table.nfuncs * 2 + 1) * table.word))
		return false;
	*ret = table;
	return true;
}

/* ---- where it is --------------------------------------------------------------------- */

/* What the loader makes of the word at `at`; it may stand in the file already. */
static uint64_t relocated(Elf *elf, uint64_t at, uint64_t in_file)
{
	GElf_Shdr shdr;
	Elf_Scn *scn = tm_elf_section(elf, ".rela.dyn", &shdr);
	Elf_Data *data = scn ? elf_getdata(scn, NULL) : NULL;
	GElf_Rela rela;

	for (int i = 0; data && gelf_getrela(data, i, &rela); i++)
		if (rela.r_offset == at)
			return (uint64_t)rela.r_addend;
	return in_file;
}

/* A section that begins with it, or in which a linker of C (cgo) has put it among others. */
static bool find_in(Elf *elf, const char *section, struct native_go_table *ret)
{
	static const char magic[] = { (char)0xff, (char)0xff, (char)0xff, 0, 0 };
	GElf_Shdr shdr;
	Elf_Scn *scn = tm_elf_section(elf, section, &shdr);
	Elf_Data *data = scn ? elf_rawdata(scn, NULL) : NULL;
	const char *begin = data ? data->d_buf : NULL, *at = begin, *end;

	if (!begin || data->d_size < HEADER)
		return false;
	end = begin + data->d_size;
	while ((at = memmem(at + 1, (size_t)(end - at - 1), magic, sizeof(magic)))) {
		if (!native_go_table_read(at - 1, (size_t)(end - at + 1), ret))
			continue;
		if (ret->word == 4)
			ret->text = relocated(elf, shdr.sh_addr + (uint64_t)(at - 1 - begin) +
					      TEXT_AT, ret->text);
		return true;
	}
	return false;
}

/* Position-independent programs have it where the loader can write. */
void native_go_table_of(Elf *elf, struct native_go_table *ret)
{
	static const char *const sections[] = {
		".gopclntab", ".data.rel.ro.gopclntab", ".data.rel.ro",
	};

	*ret = (struct native_go_table){ 0 };
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
		if (find_in(elf, sections[i], ret))
			return;
}

/* ---- one function ------------------------------------------------------------------ */

static uint64_t part(const struct native_go_table *table, uint64_t i)
{
	const char *at = table->bytes + table->functions + i * table->word;

	return table->word == 4 ? tm_load_u32(at, 0) : tm_load_u64(at, 0);
}

static const char *string_at(const struct native_go_table *table, uint64_t base, uint64_t off)
{
	const uint64_t at = base + off;

	if (base > table->len || off > table->len || at >= table->len ||
	    !memchr(table->bytes + at, '\0', table->len - at))
		return NULL;
	return table->bytes + at;
}

static bool varint(const struct native_go_table *table, uint64_t *at, uint32_t *ret)
{
	*ret = 0;
	for (unsigned shift = 0; shift < 32 && in_table(table, *at, 1); shift += 7) {
		const uint8_t byte = tm_load_u8(table->bytes, (*at)++);

		*ret |= (uint32_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return true;
	}
	return false;
}

/* Pairs of differences, of the value (signed) and of the address: which value is that of
 * `at`, which begins the function at `pc`? -1: none. */
static int32_t value_at(const struct native_go_table *table, uint32_t off, uint64_t pc,
			uint64_t at)
{
	uint64_t next = table->values + off;
	uint32_t value = UINT32_MAX, step, code;

	if (table->values > table->len || off == 0)
		return -1;
	for (int i = 0; i < MAX_STEPS && varint(table, &next, &step); i++) {
		if (step == 0 && i > 0)
			break;
		value += step & 1 ? ~(step >> 1) : step >> 1;
		if (!varint(table, &next, &code))
			break;
		pc += (uint64_t)code * tm_load_u8(table->bytes, QUANTUM);
		if (at < pc)
			return (int32_t)value;
	}
	return -1;
}

/* The number of a file counts within its compilation unit. */
static const char *file_of(const struct native_go_table *table, const char *func, uint64_t pc,
			   uint64_t at)
{
	const int32_t number = value_at(table, tm_load_u32(func, VALUES_FILE), pc, at);
	const uint64_t slot = ((uint64_t)tm_load_u32(func, UNIT) + (uint32_t)number) * 4;

	if (number < 0 || table->units > table->len || !in_table(table, table->units + slot, 4))
		return NULL;
	return string_at(table, table->files,
			 tm_load_u32(table->bytes, (size_t)(table->units + slot)));
}

bool native_go_table_find(const struct native_go_table *table, uint64_t at,
			  struct native_go_place *ret)
{
	uint64_t off = at - table->text, i, pc, where;
	const char *func;
	int32_t line;

	if (!table->bytes || at < table->text || off >= part(table, table->nfuncs * 2))
		return false;
	i = TM_LOWER_BOUND(table->nfuncs, k, part(table, k * 2) <= off);
	if (i == 0)
		return false;
	pc = part(table, (i - 1) * 2);
	where = table->functions + part(table, (i - 1) * 2 + 1) + table->word;
	if (where < table->functions || !in_table(table, where, FUNC_SIZE))
		return false;
	func = table->bytes + where;
	*ret = (struct native_go_place){
		.function = string_at(table, table->names, tm_load_u32(func, NAME)),
		.filename = file_of(table, func, pc, off),
	};
	line = value_at(table, tm_load_u32(func, VALUES_LINE), pc, off);
	ret->lineno = line > 0 ? (uint32_t)line : 0;
	return ret->function && ret->function[0];
}
