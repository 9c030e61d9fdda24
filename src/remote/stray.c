#include "remote/stray.h"

#include "remote/map.h"

size_t tm_stray_find(const struct tm_maps *maps, const struct tm_stray_kind *kind,
		     struct tm_range *ret, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < maps->n && n < max; i++)
		n += kind->is_one(kind->ctx, maps, i, &ret[n]);
	return n;
}

bool tm_stray_unmap(struct tm_remote *remote, const struct tm_range *strays, size_t n,
		    struct tm_err *err)
{
	for (size_t i = 0; i < n; i++)
		if (!tm_remote_unmap(remote, strays[i].start,
				     strays[i].end - strays[i].start, err))
			return false;
	return true;
}
