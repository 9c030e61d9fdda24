#include "native/clear.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/map.h"
#include "native/symbols_private.h"
#include "target/syscall_name.h"

enum role {
	ROLE_PLAIN,     /* unsafe where one of its own symbols says so */
	ROLE_LIBC,      /* the same; and code without a symbol is doubtful */
	ROLE_UNSAFE,    /* glibc's loader, a malloc replacement: all of it */
};

struct judged {
	enum role role;
	bool has_malloc;
	struct native_ranges unsafe; /* image addresses */
};

struct tm_clear {
	struct native_modules *modules;
	struct tm_symbolizer *symbolizer;
	struct tm_map index;         /* module pointer -> index into judged */
	struct judged *judged;
	size_t n, cap;
};

/* Names without leading underscores, "GI_" and "libc_". A star is any rest. */
static const char *const unsafe_names[] = {
	"malloc", "malloc_*", "calloc", "realloc", "reallocarray", "free",
	"cfree", "memalign", "aligned_alloc", "posix_memalign", "valloc",
	"pvalloc", "mallopt", "mallinfo*", "sysmalloc*", "systrim*", "int_*",
	"tcache_*", "arena_get*", "ptmalloc_*", "alloc_slot", "alloc_group",
	"dl*", "tls_get_addr*", "cxa_finalize", "cxa_thread_atexit*",
	"fork", "Fork", "vfork", "fork_*", "run_fork_handlers", "daemon",
	"register_atfork", "unregister_atfork", "pthread_atfork", "posix_spawn*",
	"spawni*", "spawnix", "system", "popen", "forkpty",
	"pthread_create*", "pthread_exit", "pthread_getattr_np", "nptl_*",
	"exit", "run_exit_handlers", "quick_exit", "on_exit", "cxa_atexit",
	"lll_*", "pthread_mutex_*", "pthread_rwlock_*", "pthread_once*",
	"flockfile", "IO_*lock*", "getdelim", "vm_lock", "vm_wait",
};

/* They wait for events, never for a lock of the C library. */
static const char *const waiting_calls[] = {
	"read", "readv", "poll", "ppoll", "select", "pselect6", "epoll_wait",
	"epoll_pwait", "epoll_pwait2", "nanosleep", "clock_nanosleep", "pause",
	"rt_sigsuspend", "rt_sigtimedwait", "accept", "accept4", "recvfrom",
	"recvmsg", "recvmmsg", "connect", "wait4", "waitid", "msgrcv", "semop",
	"semtimedop", "io_getevents", "mq_timedreceive", "flock",
};

/* Functions that a thread begins with; hand-written, often without tables. */
static const char *const start_names[] = {
	"_start", "_start_c", "__libc_start_main", "libc_start_main_stage2",
	"__clone", "clone", "__clone3", "clone3", "start", "start_thread",
};

#define IS_IN(name, list) is_in(name, list, sizeof(list) / sizeof((list)[0]))

static bool is_in(const char *name, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(name, list[i]) == 0)
			return true;
	return false;
}

static const char *skip(const char *name, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(name, prefix, len) == 0 ? name + len : name;
}

static const char *base_name(const char *name)
{
	name += strspn(name, "_");
	name = skip(name, "GI_");
	name += strspn(name, "_");
	name = skip(name, "libc_");
	return name + strspn(name, "_");
}

static bool matches(const char *name, const char *pattern)
{
	const char *star = strchr(pattern, '*');
	size_t len = star ? (size_t)(star - pattern) : strlen(pattern);

	if (strncmp(name, pattern, len) != 0)
		return false;
	if (!star)
		return name[len] == '\0';
	/* "IO_*lock*": something in between. */
	if (star[1]) {
		char middle[16];
		size_t n = strcspn(star + 1, "*");

		if (n >= sizeof(middle))
			return false;
		memcpy(middle, star + 1, n);
		middle[n] = '\0';
		return strstr(name + len, middle) != NULL;
	}
	return true;
}

static bool is_unsafe_name(const char *name)
{
	const char *base = base_name(name);

	for (size_t i = 0; i < sizeof(unsafe_names) / sizeof(unsafe_names[0]); i++)
		if (matches(base, unsafe_names[i]))
			return true;
	return false;
}

struct collect {
	struct native_range *ranges;
	size_t n, cap;
};

static void add_range(struct collect *collect, uint64_t value, uint64_t size)
{
	collect->ranges = tm_grow(collect->ranges, &collect->cap, collect->n + 1,
				  sizeof(*collect->ranges));
	/* A size of 0 says nothing; a byte marks at least the entry. */
	collect->ranges[collect->n++] = (struct native_range){
		value, value + (size ? size : 1), 0,
	};
}

/* Exported names, all aliases; then local ones where the file has them. */
static void collect_unsafe(const struct tm_image *image,
			   const struct native_symtab *symtab,
			   struct judged *judged)
{
	struct collect collect = { 0 };

	for (size_t i = 0; i < image->ndynsym; i++) {
		const Elf64_Sym *sym = &image->dynsym[i];

		if (sym->st_shndx != SHN_UNDEF &&
		    sym->st_name < image->dynstr_len &&
		    ELF64_ST_TYPE(sym->st_info) != STT_OBJECT &&
		    ELF64_ST_TYPE(sym->st_info) != STT_TLS &&
		    is_unsafe_name(image->dynstr + sym->st_name))
			add_range(&collect, sym->st_value, sym->st_size);
	}
	for (size_t i = 0; i < symtab->n; i++) {
		const struct native_symbol *symbol = &symtab->symbols[i];

		if (strcmp(symbol->name, "malloc") == 0)
			judged->has_malloc = true;
		if (is_unsafe_name(symbol->name))
			add_range(&collect, symbol->value, symbol->size);
	}
	native_ranges_build(collect.ranges, collect.n, &judged->unsafe);
	free(collect.ranges);
}

static bool exports(const struct tm_image *image, const char *name)
{
	struct tm_symbol symbol;

	return tm_image_dynsym(image, name, &symbol);
}

static bool names_symbol(const struct native_symtab *symtab, const char *name)
{
	for (size_t i = 0; i < symtab->n; i++)
		if (strcmp(symtab->symbols[i].name, name) == 0)
			return true;
	return false;
}

static void judge(struct tm_clear *clear, const struct native_module *module,
		  struct judged *ret)
{
	const struct native_symtab *symtab = native_debug_symtab(
		native_symbolizer_debug(clear->symbolizer, module));
	const struct tm_image *image = &module->image;

	*ret = (struct judged){ .role = ROLE_PLAIN };
	collect_unsafe(image, symtab, ret);
	/* musl's loader is its C library: only glibc's is a thing of its own. */
	if (exports(image, "_rtld_global"))
		ret->role = ROLE_UNSAFE;
	else if (exports(image, "__libc_start_main"))
		ret->role = ROLE_LIBC;
	else if (exports(image, "malloc") && exports(image, "free") &&
		 !names_symbol(symtab, "main") && !exports(image, "_start"))
		ret->role = ROLE_UNSAFE; /* jemalloc, tcmalloc... */
}

static const struct judged *judged_of(struct tm_clear *clear,
				      const struct native_module *module)
{
	uint32_t *slot = tm_map_put(&clear->index, (uintptr_t)module);

	if (*slot == TM_MAP_NONE) {
		*slot = (uint32_t)clear->n;
		clear->judged = tm_grow(clear->judged, &clear->cap, clear->n + 1,
					sizeof(*clear->judged));
		judge(clear, module, &clear->judged[clear->n++]);
	}
	return &clear->judged[*slot];
}

struct tm_clear *tm_clear_create(struct native_modules *modules,
				 struct tm_symbolizer *symbolizer)
{
	struct tm_clear *clear = tm_calloc(1, sizeof(*clear));

	clear->modules = modules;
	clear->symbolizer = symbolizer;
	return clear;
}

void tm_clear_destroy(struct tm_clear *clear)
{
	if (!clear)
		return;
	for (size_t i = 0; i < clear->n; i++)
		native_ranges_free(&clear->judged[i].unsafe);
	free(clear->judged);
	tm_map_free(&clear->index);
	free(clear);
}

/* One frame, as far as it matters here. */
struct view {
	const struct native_module *module;
	enum role role;
	const char *symbol; /* NULL: in no symbol */
	bool unsafe;
};

static struct view look(struct tm_clear *clear, const struct tm_stack_frame *frame)
{
	tm_addr at = frame->pc - (frame->is_return ? 1 : 0);
	struct view view = { .module = native_modules_find(clear->modules, at) };
	const struct native_symbol *symbol;
	const struct judged *judged;

	if (!view.module)
		return view;
	judged = judged_of(clear, view.module);
	at -= view.module->image.bias;
	symbol = native_symtab_find(native_debug_symtab(
		native_symbolizer_debug(clear->symbolizer, view.module)), at);
	view.role = judged->role;
	view.symbol = symbol ? symbol->name : NULL;
	view.unsafe = native_ranges_find(&judged->unsafe, at) != NATIVE_NONE;
	return view;
}

/* Is it known where malloc is? If not, nothing can be said. */
static bool knows_malloc(struct tm_clear *clear)
{
	for (size_t i = 0; i < clear->modules->nnow; i++)
		if (native_module_read(clear->modules, clear->modules->now[i]) &&
		    judged_of(clear, clear->modules->now[i])->has_malloc)
			return true;
	return false;
}

/* How many of the oldest frames are what every thread starts with: at most
 * one of the program, then the C library's. */
static size_t start_frames(const struct view *views, size_t n)
{
	enum { MAX_LIBC_STARTS = 3 };
	size_t i = n;

	if (i > 1 && views[i - 1].role == ROLE_PLAIN)
		i--;
	for (int libc = 0; i > 1 && libc < MAX_LIBC_STARTS &&
			   views[i - 1].role == ROLE_LIBC; libc++)
		i--;
	return n - i;
}

static bool ends_at_start(const struct tm_stack *stack, const struct view *views)
{
	const char *oldest = views[stack->n - 1].symbol;

	return stack->complete || (oldest && IS_IN(oldest, start_names));
}

static const char *judge_stack(const struct tm_stack *stack,
			       const struct view *views, long syscall_nr)
{
	const char *call = tm_syscall_name(syscall_nr);
	bool waits = call && IS_IN(call, waiting_calls);
	size_t old = stack->n - start_frames(views, stack->n);

	for (size_t i = 0; i < stack->n; i++) {
		if (!views[i].module)
			return "it runs code that belongs to no image";
		if (stack->frames[i].guessed)
			return "its stack can only be guessed";
		if (views[i].role == ROLE_UNSAFE)
			return "it is inside the loader or an allocator";
		if (views[i].unsafe)
			return "it is inside the allocator, the loader, fork or a lock";
		if (views[i].symbol || views[i].role != ROLE_LIBC)
			waits = false;
		else if (!waits && i < old)
			return "it is inside an unknown function of the C library";
	}
	if (!ends_at_start(stack, views))
		return "its stack cannot be unwound";
	return NULL;
}

bool tm_stack_is_clear(struct tm_clear *clear, const struct tm_stack *stack,
		       long syscall_nr, const char **ret_why)
{
	struct view *views;

	*ret_why = "it has no stack";
	if (stack->n == 0)
		return false;
	if (!knows_malloc(clear)) {
		*ret_why = "no image has a symbol for malloc";
		return false;
	}
	views = tm_reallocarray(NULL, stack->n, sizeof(*views));
	for (size_t i = 0; i < stack->n; i++)
		views[i] = look(clear, &stack->frames[i]);
	*ret_why = judge_stack(stack, views, syscall_nr);
	free(views);
	return *ret_why == NULL;
}
