#include "page.h"

const struct page *const pages[MODE_COUNT] = {
#define PAGE(name, id) [MODE_##name] = &page_##id,
#include "pages.def"
};
