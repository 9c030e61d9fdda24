#include "codec/codec.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static const struct tm_codec *const codecs[] = {
#define CODEC(name) &codec_##name,
#include "codec/codecs.def"
#undef CODEC
};

size_t tm_codec_count(void)
{
	return sizeof(codecs) / sizeof(codecs[0]);
}

const struct tm_codec *tm_codec_at(size_t i)
{
	return i < tm_codec_count() ? codecs[i] : NULL;
}

const struct tm_codec *tm_codec_by_name(const char *name)
{
	for (size_t i = 0; i < tm_codec_count(); i++)
		if (strcmp(codecs[i]->name, name) == 0)
			return codecs[i];
	return NULL;
}

const struct tm_codec *tm_codec_by_suffix(const char *path)
{
	const struct tm_codec *best = NULL;
	size_t len = strlen(path);

	for (size_t i = 0; i < tm_codec_count(); i++) {
		size_t n = strlen(codecs[i]->suffix);

		if (n < len && strcmp(path + len - n, codecs[i]->suffix) == 0 &&
		    (!best || n > strlen(best->suffix)))
			best = codecs[i];
	}
	return best;
}

bool codec_corrupt(struct tm_err *err, uint64_t offset, const char *what, ...)
{
	char text[256];
	va_list args;

	va_start(args, what);
	vsnprintf(text, sizeof(text), what, args);
	va_end(args);
	return tm_err_set(err, TM_ERR_CORRUPT, NULL,
			  "damaged at byte %" PRIu64 ": %s", offset, text);
}

bool codec_short_read(struct tm_err *err, FILE *in, uint64_t offset)
{
	int why = errno;

	if (ferror(in))
		return tm_err_os(err, why, NULL, "cannot read");
	return codec_corrupt(err, offset, "the file ends here, too early");
}

bool codec_written(FILE *out, struct tm_err *err)
{
	int why = errno;

	if (!ferror(out))
		return true;
	return tm_err_os(err, why, NULL, "cannot write");
}
