#include "native/jitdump.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/load.h"
#include "base/map.h"
#include "mem/mem.h"

enum {
	MAGIC = 0x4a695444, VERSION = 1, HEADER = 40, HEADER_SIZE = 8,
	PREFIX = 16, SIZE = 4, TIMESTAMP = 8,
	/* Behind the prefix of a record, by its kind. */
	LOAD = 0, LOAD_ADDRESS = 16, LOAD_LEN = 24, LOAD_NAME = 40,
	MOVE = 1, MOVE_FROM = 16, MOVE_TO = 24, MOVE_LEN = 32, MOVE_END = 48,
	DEBUG = 2, DEBUG_ADDRESS = 0, DEBUG_COUNT = 8, DEBUG_LINES = 16,
	LINE_NUMBER = 8, LINE_FILE = 16,
	ELF_HEADER = 64, MAX_LINES = 1 << 16,
	PIECE = 1 << 20, MAX_RECORD = 64 << 20, MAX_FILE = 1 << 30,
};

/* A file, as far as it was read. */
struct source {
	dev_t dev;
	ino_t ino;
	off_t done;
	bool bad;
};

struct jitdump {
	struct code_map code;
	struct tm_map latest;    /* start -> the name of what came there last */
	struct source *sources;
	size_t n, cap;
	/* Lines precede the function that they are of. */
	tm_addr debug_address;
	uint32_t debug_line, ndebug;
};

struct jitdump *jitdump_create(void)
{
	return tm_calloc(1, sizeof(struct jitdump));
}

void jitdump_destroy(struct jitdump *dump)
{
	if (!dump)
		return;
	code_map_free(&dump->code);
	tm_map_free(&dump->latest);
	free(dump->sources);
	free(dump);
}

bool jitdump_is(const char *path)
{
	const char *name = strrchr(path, '/');
	size_t digits;

	if (!name || strncmp(name, "/jit-", 5) != 0)
		return false;
	digits = strspn(name + 5, "0123456789");
	return digits > 0 && strcmp(name + 5 + digits, ".dump") == 0;
}

/* ---- records ----------------------------------------------------------------------- */

static void add(struct jitdump *dump, struct code_entry entry, const char *name, size_t len)
{
	if (code_map_add(&dump->code, entry, name, len))
		*tm_map_put(&dump->latest, entry.start) =
			dump->code.entries[dump->code.n - 1].name;
}

/* V8 counts its addresses from an ELF header that perf would put before the code: without
 * that they are of other lines. */
static bool are_shifted(const struct jitdump *dump)
{
	for (uint32_t i = 0; i < dump->ndebug; i++)
		if (dump->code.lines[dump->debug_line + i].at < dump->debug_address + ELF_HEADER)
			return false;
	return true;
}

static void take_load(struct jitdump *dump, const char *record, size_t len, uint64_t when)
{
	tm_addr start;
	uint64_t size;
	const char *name = record + LOAD_NAME;
	struct code_entry entry;

	if (len <= LOAD_NAME)
		return;
	start = tm_load_u64(record, LOAD_ADDRESS);
	size = tm_load_u64(record, LOAD_LEN);
	if (size > UINT64_MAX - start)
		return;
	entry = (struct code_entry){ .start = start, .end = start + size, .when = when };
	if (dump->debug_address == start && !are_shifted(dump)) {
		entry.line = dump->debug_line;
		entry.nlines = dump->ndebug;
	}
	dump->ndebug = 0;
	add(dump, entry, name, strnlen(name, len - LOAD_NAME));
}

/* The same function, elsewhere; its lines are not told anew. */
static void take_move(struct jitdump *dump, const char *record, size_t len, uint64_t when)
{
	struct code_entry entry;
	uint32_t name;
	uint64_t size;

	if (len < MOVE_END)
		return;
	name = tm_map_get(&dump->latest, tm_load_u64(record, MOVE_FROM));
	entry = (struct code_entry){ .start = tm_load_u64(record, MOVE_TO), .when = when };
	size = tm_load_u64(record, MOVE_LEN);
	if (name == TM_MAP_NONE || size > UINT64_MAX - entry.start)
		return;
	entry.end = entry.start + size;
	add(dump, entry, dump->code.texts.items[name].bytes, dump->code.texts.items[name].len);
}

/* "\377": the same file as before. */
static void take_debug(struct jitdump *dump, const char *record, size_t len)
{
	const char *at = record + DEBUG_LINES, *file = "";
	size_t left, file_len = 0;
	uint64_t n;

	dump->ndebug = 0;
	if (len < DEBUG_LINES)
		return;
	dump->debug_address = tm_load_u64(record, DEBUG_ADDRESS);
	dump->debug_line = (uint32_t)dump->code.nlines;
	n = tm_load_u64(record, DEBUG_COUNT);
	for (left = len - DEBUG_LINES; n > 0 && left > LINE_FILE && dump->ndebug < MAX_LINES; n--) {
		const struct code_line line = {
			.at = tm_load_u64(at, 0), .lineno = tm_load_u32(at, LINE_NUMBER),
		};
		size_t name = strnlen(at + LINE_FILE, left - LINE_FILE);

		if (name == left - LINE_FILE)
			return;
		if (name != 1 || at[LINE_FILE] != '\377') {
			file = at + LINE_FILE;
			file_len = name;
		}
		if (!code_map_add_line(&dump->code, line, file, file_len))
			return;
		dump->ndebug++;
		at += LINE_FILE + name + 1;
		left -= LINE_FILE + name + 1;
	}
}

static void take(struct jitdump *dump, const char *record, size_t len)
{
	const uint64_t when = tm_load_u64(record, TIMESTAMP);
	const char *rest = record + PREFIX;

	switch (tm_load_u32(record, 0)) {
	case LOAD:
		take_load(dump, rest, len - PREFIX, when);
		break;
	case MOVE:
		take_move(dump, rest, len - PREFIX, when);
		break;
	case DEBUG:
		take_debug(dump, rest, len - PREFIX);
		break;
	default:
		break;
	}
}

size_t jitdump_parse(struct jitdump *dump, const void *bytes, size_t len)
{
	const char *at = bytes;
	size_t done = 0;

	while (len - done >= PREFIX) {
		uint32_t size = tm_load_u32(at + done, SIZE);

		if (size < PREFIX || size > len - done)
			break;
		take(dump, at + done, size);
		done += size;
	}
	return done;
}

/* ---- files ------------------------------------------------------------------------- */

static struct source *source_of(struct jitdump *dump, const struct stat *st)
{
	for (size_t i = 0; i < dump->n; i++)
		if (dump->sources[i].dev == st->st_dev && dump->sources[i].ino == st->st_ino)
			return &dump->sources[i];
	dump->sources = tm_grow(dump->sources, &dump->cap, dump->n + 1, sizeof(*dump->sources));
	dump->sources[dump->n] = (struct source){ .dev = st->st_dev, .ino = st->st_ino };
	return &dump->sources[dump->n++];
}

static bool begin(struct source *source, int fd)
{
	char header[HEADER];
	uint32_t size;

	if (tm_mem_pread(fd, header, sizeof(header), 0) != sizeof(header))
		return false;
	size = tm_load_u32(header, HEADER_SIZE);
	source->bad = tm_load_u32(header, 0) != MAGIC || tm_load_u32(header, 4) != VERSION ||
		      size < HEADER || size > PIECE;
	source->done = (off_t)size;
	return !source->bad;
}

/* By the piece, as long as there are whole records; one may be larger than a piece. */
static void read_on(struct jitdump *dump, struct source *source, int fd)
{
	size_t room = PIECE, got, took;
	TM_GUARD(tm_free_ptr) char *bytes = tm_malloc(room);

	while (source->done < MAX_FILE) {
		got = tm_mem_pread(fd, bytes, room, (uint64_t)source->done);
		took = jitdump_parse(dump, bytes, got);
		source->done += (off_t)took;
		if (took == 0 && got == room && room < MAX_RECORD)
			bytes = tm_realloc(bytes, room *= 4);
		else if (took == 0 || got < room)
			return;
	}
}

void jitdump_refresh(struct jitdump *dump, int fd)
{
	struct source *source;
	struct stat st;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return;
	source = source_of(dump, &st);
	if (!source->bad && (source->done > 0 || begin(source, fd)) &&
	    st.st_size > source->done)
		read_on(dump, source, fd);
}

const struct tm_code_frame *jitdump_find(struct jitdump *dump, tm_addr at)
{
	return code_map_find(&dump->code, at);
}
