/* Readers that live in another file than their codec's definition. */
#ifndef TM_CODEC_FORMATS_H
#define TM_CODEC_FORMATS_H

#include <stdio.h>

#include "tmattach/model.h"

struct codec_part;

bool tms_read(FILE *in, struct tm_builder *builder, struct tm_meta *meta,
	      struct tm_err *err);
bool pickle_read(FILE *in, struct tm_builder *builder, struct tm_meta *meta,
		 struct tm_err *err);
bool pickle_read_part(FILE *in, struct codec_part *part,
		      struct tm_builder *builder, struct tm_meta *meta,
		      struct tm_err *err);
bool json_read(FILE *in, struct tm_builder *builder, struct tm_meta *meta,
	       struct tm_err *err);
bool jsonl_read(FILE *in, struct tm_builder *builder, struct tm_meta *meta,
		struct tm_err *err);
bool csv_read(FILE *in, struct tm_builder *builder, struct tm_meta *meta,
	      struct tm_err *err);

#endif
