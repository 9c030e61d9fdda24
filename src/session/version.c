#include "tmattach/tmattach.h"

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

const char *tm_version(void)
{
	return TEXT(TM_VERSION_MAJOR) "." TEXT(TM_VERSION_MINOR) "." TEXT(TM_VERSION_PATCH);
}
