/* Threads of traces. */
#ifndef TM_MODEL_THREADS_H
#define TM_MODEL_THREADS_H

#include "tmattach/model.h"

/* TM_ERR_USAGE: it does not tell them. */
bool threads_told(const struct tm_snapshot *snapshot, struct tm_err *err) TM_MUST_CHECK;

#endif
