/* Both JSON readers; the inputs tell them apart as the loader does. */
#include "fuzz/fuzz_codec.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	if (tm_codec_by_name("json")->sniff(data, size))
		return fuzz_codec("json", data, size);
	return fuzz_codec("jsonl", data, size);
}
