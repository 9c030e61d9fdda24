/* What is known of a snapshot as a whole: the META chunk, written and read. */
#ifndef TM_CODEC_TMS_META_H
#define TM_CODEC_TMS_META_H

#include "codec/tms_in.h"
#include "codec/tms_out.h"
#include "tmattach/model.h"

void tms_put_meta(struct tms_out *out, const struct tm_meta *meta);
/* The rest of the chunk. */
void tms_get_meta(struct tms_in *in, struct tm_meta *meta);

#endif
