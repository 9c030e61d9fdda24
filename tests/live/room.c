/* Room in the data of an image: pyrecorder_target.py keeps copies there. */
#include <stdint.h>

uint64_t room[8192] = { 1 };
