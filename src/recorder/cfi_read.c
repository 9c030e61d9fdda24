/* Call frame information as bytes (cfi.h): the copy of a module's .eh_frame. */
#include "cfi.h"

enum { PCREL = 0x10 };

/* ---- reading ---------------------------------------------------------------------- */

uint64_t cfi_fixed(struct bytes *b, unsigned n)
{
	uint64_t value = 0;

	if (n > b->end - b->at) {
		b->bad = true;
		b->at = b->end;
		return 0;
	}
	for (unsigned i = 0; i < n; i++)
		value |= (uint64_t)b->base[b->at++] << 8 * i;
	return value;
}

static int64_t extended(uint64_t value, unsigned bits)
{
	return bits < 64 ? (int64_t)(value << (64 - bits)) >> (64 - bits) : (int64_t)value;
}

static uint64_t leb(struct bytes *b, unsigned *ret_bits)
{
	uint64_t value = 0;
	unsigned bits = 0;
	uint8_t byte;

	do {
		byte = (uint8_t)cfi_fixed(b, 1);
		value |= bits < 64 ? (uint64_t)(byte & 0x7f) << bits : 0;
		bits += 7;
	} while (byte & 0x80);
	*ret_bits = bits;
	return value;
}

uint64_t cfi_uleb(struct bytes *b)
{
	unsigned bits;

	return leb(b, &bits);
}

int64_t cfi_sleb(struct bytes *b)
{
	unsigned bits;
	uint64_t value = leb(b, &bits);

	return extended(value, bits);
}

static void pass_over(struct bytes *b, uint64_t n)
{
	if (n > b->end - b->at)
		b->bad = true;
	b->at = b->bad ? b->end : b->at + n;
}

/* DW_EH_PE_*: how many bytes, and whether they have a sign. 0: not one of fixed size. */
static unsigned width_of(uint8_t encoding)
{
	switch (encoding & 7) {
	case 0: case 4: return 8;
	case 2: return 2;
	case 3: return 4;
	}
	return 0;
}

static uint64_t pointer(struct bytes *b, uint8_t encoding, uint64_t frames_at)
{
	uint64_t at = frames_at + b->at, value;
	unsigned width = width_of(encoding);

	if (!width || (encoding & 0x70) > PCREL) {
		b->bad = true;
		return 0;
	}
	value = cfi_fixed(b, width);
	if (encoding & 8)
		value = (uint64_t)extended(value, 8 * width);
	return (encoding & 0x70) == PCREL ? at + value : value;
}

struct expression cfi_block(struct bytes *b)
{
	const uint64_t n = cfi_uleb(b);
	const uint8_t *ops = b->base + b->at;

	pass_over(b, n);
	return (struct expression){ ops, b->bad || n > CFI_TOO_FAR ? 0 : (uint32_t)n };
}

/* ---- the entry of a function --------------------------------------------------------- */

static struct bytes cfi_record(const struct tm_recorder_loaded *m, uint64_t at)
{
	struct bytes b = { .base = table_at(m->frames), .at = at, .end = m->frames_size };
	uint64_t len;

	if (at > b.end) {
		b.at = b.end;
		b.bad = true;
		return b;
	}
	len = cfi_fixed(&b, 4);
	if (len == 0xffffffff || len == 0 || len > b.end - b.at)
		b.bad = true;
	else
		b.end = b.at + len;
	return b;
}

static void read_augmentation(struct entry *e, const uint8_t *letters, uint64_t frames_at)
{
	struct bytes *b = &e->cie;
	uint64_t end;

	e->augmented = letters[0] == 'z';
	if (!e->augmented) {
		b->bad |= letters[0] != 0;
		return;
	}
	end = cfi_uleb(b);
	end = b->bad || end > b->end - b->at ? b->end : b->at + end;
	for (unsigned i = 1; letters[i] && !b->bad; i++) {
		if (letters[i] == 'R')
			e->encoding = (uint8_t)cfi_fixed(b, 1);
		else if (letters[i] == 'L')
			cfi_fixed(b, 1);
		else if (letters[i] == 'P')
			pointer(b, (uint8_t)(cfi_fixed(b, 1) & 0x7f), frames_at);
		else if (letters[i] == 'S')
			e->is_signal = true;
		else
			break;
	}
	b->at = end;
}

static bool read_cie(struct entry *e, const struct tm_recorder_loaded *m, uint64_t at)
{
	struct bytes *b = &e->cie;
	const uint8_t *letters;
	uint8_t version;

	*b = cfi_record(m, at);
	if (b->bad || cfi_fixed(b, 4) != 0)
		return false;
	version = (uint8_t)cfi_fixed(b, 1);
	letters = b->base + b->at;
	while (cfi_fixed(b, 1) && !b->bad)
		;
	if (b->bad || (version != 1 && version != 3))
		return false;
	e->code_factor = cfi_uleb(b);
	e->data_factor = cfi_sleb(b);
	if (version == 1)
		cfi_fixed(b, 1);
	else
		cfi_uleb(b);
	read_augmentation(e, letters, m->frames_at);
	return !b->bad;
}

static bool read_fde(struct entry *e, const struct tm_recorder_loaded *m, uint64_t at)
{
	struct bytes *b = &e->fde;
	uint64_t here, back;

	*b = cfi_record(m, at);
	here = b->at;
	back = cfi_fixed(b, 4);
	if (b->bad || back == 0 || back > here || !read_cie(e, m, here - back))
		return false;
	e->begin = pointer(b, e->encoding, m->frames_at);
	e->size = pointer(b, e->encoding & 7, m->frames_at);
	if (e->augmented)
		pass_over(b, cfi_uleb(b));
	return !b->bad;
}

bool cfi_find(const struct tm_recorder_loaded *m, uint64_t pc, struct entry *ret)
{
	const int32_t (*functions)[2] = table_at(m->header);
	size_t after = TM_LOWER_BOUND(m->nfunctions, i,
				      m->header_at + (uint64_t)(int64_t)functions[i][0] <= pc);

	cpu_clear(ret, sizeof(*ret));
	return after &&
	       read_fde(ret, m, m->header_at + (uint64_t)(int64_t)functions[after - 1][1] -
			m->frames_at) &&
	       pc - ret->begin < ret->size;
}
