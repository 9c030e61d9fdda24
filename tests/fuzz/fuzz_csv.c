#include "fuzz/fuzz_codec.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	return fuzz_codec("csv", data, size);
}
