/* usage: make FILE SESSIONS LINKS: writes the heap of tests/heap/shop.h as .tmh. */
#include "tests/heap/shop.h"

int main(int argc, char **argv)
{
	struct tm_err err = { 0 };
	struct shop shop;
	struct tm_heap *heap;
	bool ok;

	if (argc != 4)
		return 2;
	heap = shop_make(&shop, (uint32_t)atoi(argv[2]), (uint32_t)atoi(argv[3]));
	ok = tm_heap_save(heap, argv[1], TM_HEAP_TMH, &err);
	if (!ok)
		fprintf(stderr, "%s: %s\n", argv[1], err.cause);
	tm_heap_destroy(heap);
	return !ok;
}
