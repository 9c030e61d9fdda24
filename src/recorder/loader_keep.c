/*
 * What is kept of a module: another thread may unload it at any time, so nothing of it is
 * read later.
 */
#include "loader.h"

static uint64_t take_room(struct tm_recorder_loader *l, uint64_t size)
{
	uint64_t at = l->tail;

	size = (size + 7) & ~7ull;
	if (at > l->area_size || size > l->area_size - at)
		return 0;
	l->tail = at + size;
	return l->area + at;
}

static uint64_t keep_bytes(struct tm_recorder_loader *l, const void *bytes, uint64_t size)
{
	uint64_t at = take_room(l, size);

	if (at)
		cpu_copy(table_at(at), bytes, size);
	return at;
}

static uint64_t length_of(const char *name)
{
	uint64_t n = 0;

	while (name && n < TM_LOADER_MAX_NAME - 1 && name[n])
		n++;
	return n;
}

static uint64_t keep_name(struct tm_recorder_loader *l, const char *name)
{
	uint64_t n = length_of(name), at = n ? take_room(l, n + 1) : 0;

	if (at)
		cpu_copy(table_at(at), name, n);
	return at; /* the area is zeroes */
}

/* How much there is to read from this address on: to the end of what of the file is
 * mapped there, readable. */
static uint64_t readable_from(const struct found *f, uint64_t at)
{
	for (uint32_t i = 0; i < f->nphdrs; i++) {
		const struct loader_phdr *p = &f->phdrs[i];
		uint64_t inside = at - (f->map->addr + p->vaddr);

		if (p->type == LOADER_LOAD && (p->flags & LOADER_R) && inside < p->filesz)
			return p->filesz - inside;
	}
	return 0;
}

static uint32_t u32_at(uint64_t at)
{
	return *(const uint32_t *)at;
}

/* GNU_EH_FRAME: version 1, a relative pointer to .eh_frame, and a sorted table of two
 * relative words a function. Linkers make no other. */
struct header {
	uint64_t at, frames, table, n;
};

static bool read_header(const struct found *f, const struct loader_phdr *p, struct header *ret)
{
	enum { VERSION_AND_ENCODINGS = 0x3b031b01, HEAD = 12, ENTRY = 8 };
	uint64_t at = f->map->addr + p->vaddr, room = readable_from(f, at);

	if (at % 4 || room < HEAD || u32_at(at) != VERSION_AND_ENCODINGS)
		return false;
	*ret = (struct header){
		at, at + 4 + (uint64_t)(int64_t)(int32_t)u32_at(at + 4), at + HEAD, u32_at(at + 8),
	};
	return ret->n > 0 && ret->n <= (room - HEAD) / ENTRY;
}

/* Where the last entry that the table names ends; 0 if one is not behind `frames` or
 * not readable. */
static uint64_t frames_size(const struct header *h, uint64_t room)
{
	uint64_t last = 0, len;

	for (uint64_t i = 0; i < h->n; i++) {
		uint64_t at = h->at + (uint64_t)(int64_t)(int32_t)u32_at(h->table + 8 * i + 4) -
			h->frames;

		if (at > room || room - at < 4)
			return 0;
		last = at > last ? at : last;
	}
	len = 4 + (uint64_t)u32_at(h->frames + last);
	return len <= room - last ? last + len : 0;
}

static void keep_frames(struct tm_recorder_loader *l, const struct found *f,
			const struct loader_phdr *p, struct tm_recorder_loaded *m)
{
	struct header h;
	uint64_t size, before = l->tail;

	if (!read_header(f, p, &h))
		return;
	size = frames_size(&h, readable_from(f, h.frames));
	m->frames = size ? keep_bytes(l, (const void *)h.frames, size) : 0;
	m->header = m->frames ? keep_bytes(l, (const void *)h.table, 8 * h.n) : 0;
	if (!m->header) {
		l->tail = before;
		return;
	}
	m->header_at = h.at;
	m->nfunctions = h.n;
	m->frames_at = h.frames;
	m->frames_size = size;
}

static void keep_build_id(const struct found *f, const struct loader_phdr *p,
			  struct tm_recorder_loaded *m)
{
	enum { BUILD_ID = 3, GNU = 0x00554e47, HEAD = 16 };
	uint64_t at = f->map->addr + p->vaddr, left = readable_from(f, at);

	left = left < p->filesz ? left : p->filesz;
	while (left >= HEAD) {
		uint64_t name = ((uint64_t)u32_at(at) + 3) & ~3ull;
		uint64_t desc = u32_at(at + 4), size = 12 + name + ((desc + 3) & ~3ull);

		if (size > left)
			return;
		if (u32_at(at + 8) == BUILD_ID && name == 4 && u32_at(at + 12) == GNU &&
		    desc <= sizeof(m->build_id)) {
			cpu_copy(m->build_id, (const void *)(at + HEAD), desc);
			m->build_id_len = (uint8_t)desc;
		}
		at += size;
		left -= size;
	}
}

void loader_describe(const struct found *f, struct tm_recorder_loaded *m)
{
	for (uint32_t i = 0; i < f->nphdrs; i++)
		if (f->phdrs[i].type == LOADER_NOTE)
			keep_build_id(f, &f->phdrs[i], m);
	m->start = f->start;
	m->end = f->end;
	m->bias = f->map->addr;
}

void loader_keep(struct tm_recorder_loader *l, const struct found *f,
		 struct tm_recorder_loaded *m)
{
	m->name = keep_name(l, f->map->name);
	for (uint32_t i = 0; i < f->nphdrs; i++)
		if (f->phdrs[i].type == LOADER_EH_FRAME)
			keep_frames(l, f, &f->phdrs[i], m);
}

bool loader_same_name(uint64_t kept, const char *name)
{
	const char *old = kept ? table_at(kept) : "";
	uint64_t n = length_of(name);

	for (uint64_t i = 0; i < n; i++)
		if (old[i] != name[i])
			return false;
	return old[n] == 0;
}
