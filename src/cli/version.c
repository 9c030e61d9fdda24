#include "cli/version.h"

#include <curses.h>
#include <elfutils/version.h>
#include <event2/event-config.h>
#include <features.h>
#include <jansson.h>
#include <libunwind.h>
#include <lzma.h>
#include <protobuf-c/protobuf-c.h>
#include <stdio.h>
#include <zlib.h>
#include <zstd.h>

#include "build.h" /* generated: what was built, and how */
#include "cli/message.h"
#include "cli/output.h"
#include "tmattach/tmattach.h"

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

int cli_print_version(void)
{
	printf("tmattach %s\n", tm_version());
	puts("commit: " TM_COMMIT "\n"
	     "build: " TM_BUILD "\n"
	     "built with: elfutils 0." TEXT(_ELFUTILS_VERSION)
	     ", libunwind " TEXT(UNW_VERSION_MAJOR) "." TEXT(UNW_VERSION_MINOR)
	     ", ncurses " NCURSES_VERSION ", jansson " JANSSON_VERSION
	     ", zlib " ZLIB_VERSION ", zstd " ZSTD_VERSION_STRING
	     ", liblzma " LZMA_VERSION_STRING ", protobuf-c " PROTOBUF_C_VERSION
	     ", libevent " EVENT__VERSION
	     ", glibc " TEXT(__GLIBC__) "." TEXT(__GLIBC_MINOR__));
	return cli_output_finish(CLI_DONE);
}
