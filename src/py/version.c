#include "py/version.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "arch/arch.h"
#include "base/load.h"

enum { COOKIE_VERSION = 8, COOKIE_FREE_THREADED = 16, COOKIE_SIZE = 24 };

/* Everything but release level and serial, which texts do not have. */
#define PATCH_MASK 0xffffff00u

/* "3.13.5 (main, ..." -> 0x030d0500; 0 if it is not a version text. */
static uint32_t parse_version(const char *text)
{
	unsigned major, minor, micro;

	if (sscanf(text, "%1u.%2u.%2u", &major, &minor, &micro) != 3 ||
	    (major != 2 && major != 3))
		return 0;
	return (uint32_t)(major << 24 | minor << 16 | micro << 8);
}

static uint32_t version_at(struct tm_mem *mem, tm_addr at)
{
	char text[16] = "";

	if (tm_mem_read_some(mem, at, text, sizeof(text) - 1) < 6)
		return 0;
	return parse_version(text);
}

/* What an operand refers to that may be at `at`. */
static uint32_t version_meant(struct tm_mem *mem, const struct tm_image *image,
			      const unsigned char *operand, tm_addr at)
{
	tm_addr meanings[TM_OPERAND_MEANINGS];
	uint32_t hex = 0;

	tm_code_meanings(operand, at, meanings);
	for (size_t i = 0; i < TM_OPERAND_MEANINGS && !hex; i++)
		if (tm_image_holds(image, meanings[i], PF_R))
			hex = version_at(mem, meanings[i]);
	return hex;
}

/*
 * Py_GetVersion() refers to a literal "3.x.y" and/or to the buffer that the
 * whole text is composed in. Try every operand it can contain.
 */
static uint32_t from_text(struct tm_mem *mem, const struct tm_image *image)
{
	enum { LIMIT = 256 };
	unsigned char code[LIMIT];
	struct tm_symbol get_version;
	size_t len;

	if (!tm_image_dynsym(image, "Py_GetVersion", &get_version))
		return 0;
	len = get_version.size && get_version.size < LIMIT
		? (size_t)get_version.size : LIMIT;
	len = tm_mem_read_some(mem, get_version.address, code, len);
	for (size_t i = 0; i + TM_OPERAND_LEN <= len; i++) {
		uint32_t hex = version_meant(mem, image, code + i, get_version.address + i);

		if (hex)
			return hex;
	}
	return 0;
}

static uint32_t from_variable(struct tm_mem *mem, const struct tm_image *image)
{
	struct tm_symbol symbol;
	struct tm_err err;
	uint32_t hex = 0;

	if (!tm_image_dynsym(image, "Py_Version", &symbol) ||
	    !tm_mem_u32(mem, symbol.address, &hex, &err))
		return 0;
	return hex;
}

static uint32_t from_cookie(struct tm_mem *mem, const struct tm_image *image,
			    bool *ret_free_threaded)
{
	struct tm_symbol symbol;
	char head[COOKIE_SIZE];

	if (!tm_image_dynsym(image, "_PyRuntime", &symbol) ||
	    tm_mem_read_some(mem, symbol.address, head, sizeof(head)) != sizeof(head) ||
	    memcmp(head, "xdebugpy", 8) != 0)
		return 0;
	*ret_free_threaded = tm_load_u64(head, COOKIE_FREE_THREADED) != 0;
	return (uint32_t)tm_load_u64(head, COOKIE_VERSION);
}

bool py_version_read(struct tm_mem *mem, const struct tm_image *image,
		     uint32_t *ret_hex, bool *ret_free_threaded,
		     struct tm_err *err)
{
	uint32_t seen[3], hex = 0;

	*ret_free_threaded = false;
	seen[0] = from_cookie(mem, image, ret_free_threaded);
	seen[1] = from_variable(mem, image);
	seen[2] = from_text(mem, image);
	for (int i = 0; i < 3; i++) {
		if (!hex)
			hex = seen[i];
		else if (seen[i] && (seen[i] & PATCH_MASK) != (hex & PATCH_MASK))
			return tm_err_set(err, TM_ERR_UNSUPPORTED, image->path,
				"its version is ambiguous: _PyRuntime 0x%08" PRIx32
				", Py_Version 0x%08" PRIx32 ", Py_GetVersion() 0x%08" PRIx32,
				seen[0], seen[1], seen[2]);
	}
	*ret_hex = hex;
	return true;
}
