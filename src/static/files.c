/*
 * Files that libraries would open although the user has not named them: the time zone,
 * which no output of ours is in, and the random device.
 */
#include <jansson.h>
#include <stddef.h>
#include <sys/random.h>

void __wrap___tzfile_read(const char *file, size_t extra, char **ret);

/* The C library's own: gmtime_r() and strftime(), too, read the zone first. */
void __wrap___tzfile_read(const char *file, size_t extra, char **ret)
{
	(void)file;
	(void)extra;
	(void)ret;
}

/* The first object would be given a seed from /dev/urandom. */
__attribute__((constructor)) static void seed_jansson(void)
{
	size_t seed;

	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
		seed = (size_t)&seed;
	json_object_seed(seed | 1);
}
