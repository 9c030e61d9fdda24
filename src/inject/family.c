#include "inject/family.h"

#include <stddef.h>
#include <string.h>

/*
 * The family. Allocators that a program carries with it have the same names after
 * a prefix, mimalloc and rpmalloc some of their own; where tcmalloc is malloc, its
 * "tc_" names are aliases. operator new and delete only matter where they
 * are not those of C++'s own library, which call malloc, or where malloc is in the same image.
 */
static const struct inject_family family[] = {
	{ "malloc", TM_HOOK_MALLOC, NULL },
	{ "calloc", TM_HOOK_CALLOC, NULL },
	{ "realloc", TM_HOOK_REALLOC, NULL },
	{ "reallocarray", TM_HOOK_REALLOCARRAY, NULL },
	{ "free", TM_HOOK_FREE, NULL },
	{ "cfree", TM_HOOK_FREE, NULL },
	{ "free_sized", TM_HOOK_FREE, NULL },
	{ "free_aligned_sized", TM_HOOK_FREE, NULL },
	{ "posix_memalign", TM_HOOK_POSIX_MEMALIGN, NULL },
	{ "aligned_alloc", TM_HOOK_ALIGNED, NULL },
	{ "memalign", TM_HOOK_ALIGNED, NULL },
	{ "valloc", TM_HOOK_MALLOC, NULL },
	{ "pvalloc", TM_HOOK_MALLOC, NULL },
	{ "mallocx", TM_HOOK_MALLOC, NULL },
	{ "rallocx", TM_HOOK_REALLOC, NULL },
	{ "dallocx", TM_HOOK_FREE, NULL },
	{ "sdallocx", TM_HOOK_FREE, NULL },
	{ "mi_zalloc", TM_HOOK_MALLOC, NULL },
	{ "mi_malloc_small", TM_HOOK_MALLOC, NULL },
	{ "mi_zalloc_small", TM_HOOK_MALLOC, NULL },
	{ "mi_malloc_aligned", TM_HOOK_MALLOC, NULL }, /* (size, alignment) */
	{ "mi_zalloc_aligned", TM_HOOK_MALLOC, NULL },
	{ "mi_calloc_aligned", TM_HOOK_CALLOC, NULL },
	{ "mi_realloc_aligned", TM_HOOK_REALLOC, NULL },
	{ "mi_rezalloc", TM_HOOK_REALLOC, NULL },
	{ "mi_mallocn", TM_HOOK_CALLOC, NULL },
	{ "mi_heap_malloc", TM_HOOK_ALIGNED, NULL }, /* (heap, size) */
	{ "mi_heap_zalloc", TM_HOOK_ALIGNED, NULL },
	{ "mi_free_size", TM_HOOK_FREE, NULL },
	{ "mi_free_aligned", TM_HOOK_FREE, NULL },
	{ "mi_free_size_aligned", TM_HOOK_FREE, NULL },
	{ "mi_new", TM_HOOK_NEW, "mi_new_nothrow" },
	{ "mi_new_nothrow", TM_HOOK_MALLOC, NULL },
	{ "rpmalloc", TM_HOOK_MALLOC, NULL },
	{ "rpcalloc", TM_HOOK_CALLOC, NULL },
	{ "rprealloc", TM_HOOK_REALLOC, NULL },
	{ "rpaligned_alloc", TM_HOOK_ALIGNED, NULL },
	{ "rpmemalign", TM_HOOK_ALIGNED, NULL },
	{ "rpposix_memalign", TM_HOOK_POSIX_MEMALIGN, NULL },
	{ "rpfree", TM_HOOK_FREE, NULL },
	{ "scalable_aligned_malloc", TM_HOOK_MALLOC, NULL }, /* (size, alignment) */
	{ "scalable_aligned_realloc", TM_HOOK_REALLOC, NULL },
	{ "scalable_aligned_free", TM_HOOK_FREE, NULL },
	{ "mmap", TM_HOOK_MMAP, NULL },
	{ "mmap64", TM_HOOK_MMAP, NULL },
	{ "munmap", TM_HOOK_MUNMAP, NULL },
	{ "mremap", TM_HOOK_MREMAP, NULL },
	{ "brk", TM_HOOK_BRK, NULL }, /* sbrk() calls it */
	{ "_Znwm", TM_HOOK_NEW, "_ZnwmRKSt9nothrow_t" },
	{ "_Znam", TM_HOOK_NEW, "_ZnamRKSt9nothrow_t" },
	{ "_ZnwmSt11align_val_t", TM_HOOK_NEW, "_ZnwmSt11align_val_tRKSt9nothrow_t" },
	{ "_ZnamSt11align_val_t", TM_HOOK_NEW, "_ZnamSt11align_val_tRKSt9nothrow_t" },
	{ "_ZnwmRKSt9nothrow_t", TM_HOOK_MALLOC, NULL },
	{ "_ZnamRKSt9nothrow_t", TM_HOOK_MALLOC, NULL },
	{ "_ZnwmSt11align_val_tRKSt9nothrow_t", TM_HOOK_MALLOC, NULL },
	{ "_ZnamSt11align_val_tRKSt9nothrow_t", TM_HOOK_MALLOC, NULL },
	{ "_ZdlPv", TM_HOOK_FREE, NULL },
	{ "_ZdaPv", TM_HOOK_FREE, NULL },
	{ "_ZdlPvm", TM_HOOK_FREE, NULL },
	{ "_ZdaPvm", TM_HOOK_FREE, NULL },
	{ "_ZdlPvRKSt9nothrow_t", TM_HOOK_FREE, NULL },
	{ "_ZdaPvRKSt9nothrow_t", TM_HOOK_FREE, NULL },
	{ "_ZdlPvSt11align_val_t", TM_HOOK_FREE, NULL },
	{ "_ZdaPvSt11align_val_t", TM_HOOK_FREE, NULL },
	{ "_ZdlPvmSt11align_val_t", TM_HOOK_FREE, NULL },
	{ "_ZdaPvmSt11align_val_t", TM_HOOK_FREE, NULL },
	{ "_ZdlPvSt11align_val_tRKSt9nothrow_t", TM_HOOK_FREE, NULL },
	{ "_ZdaPvSt11align_val_tRKSt9nothrow_t", TM_HOOK_FREE, NULL },
};

enum { NFAMILY = sizeof(family) / sizeof(family[0]) };

/* Also of dlmalloc, nedmalloc, oneTBB and Scudo. */
static const char *const prefixes[] = {
	"je_", "_rjem_", "mi_", "tc_", "dl", "ned", "scalable_", "scudo_",
};

static size_t prefix_len(const char *name)
{
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
			return strlen(prefixes[i]);
	return 0;
}

static const struct inject_family *relative(const char *name)
{
	/* Most names of a program fall here. */
	if (!strchr("_mcrfpavdsb", name[0]))
		return NULL;
	for (int i = 0; i < NFAMILY; i++)
		if (strcmp(family[i].name, name) == 0)
			return &family[i];
	return NULL;
}

const struct inject_family *inject_family_of(const char *name)
{
	const struct inject_family *found = relative(name);
	size_t prefix = found ? 0 : prefix_len(name);

	return prefix ? relative(name + prefix) : found;
}

bool inject_is_unmistakable(const char *name)
{
	return prefix_len(name) > 0 || strncmp(name, "rp", 2) == 0;
}

const char *inject_whole_name(const char *name, char ret[INJECT_NAME_LEN])
{
	static const char mark[] = ".lto_priv.";
	const char *end = strstr(name, mark);
	const size_t len = end ? (size_t)(end - name) : 0;

	if (!end || len >= INJECT_NAME_LEN || !end[sizeof(mark) - 1] ||
	    end[sizeof(mark) - 1 + strspn(end + sizeof(mark) - 1, "0123456789")])
		return name;
	memcpy(ret, name, len);
	ret[len] = '\0';
	return ret;
}
