/* Room in the data of an image: pyrecorder_target.py keeps copies there. And who is told of
 * objects passes it on to others, whom it keeps there, too. */
#include <stddef.h>
#include <stdint.h>

typedef int tracer(void *object, int event, void *data);

uint64_t room[8192] = { 1 };
struct {
	tracer *function;
	void *data;
} told[2];

uint64_t objects;

int tell_both(void *object, int event, void *data);
int count(void *object, int event, void *data);

int tell_both(void *object, int event, void *data)
{
	(void)data;
	for (size_t i = 0; i < 2; i++) {
		tracer *function = told[i].function;

		if (function)
			function(object, event, told[i].data);
	}
	return 0;
}

int count(void *object, int event, void *data)
{
	(void)object;
	objects += event == 0 && data == &objects;
	return 0;
}
