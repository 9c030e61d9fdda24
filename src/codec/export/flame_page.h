/* flame.html, embedded at build time. */
#ifndef TM_CODEC_FLAME_PAGE_H
#define TM_CODEC_FLAME_PAGE_H

#include <stddef.h>

extern const unsigned char flame_page[];
extern const size_t flame_page_size;

#endif
