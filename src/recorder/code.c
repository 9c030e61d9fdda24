#include "recorder.h"

/*
 * The head of the image. The linker script puts it first; the offsets of the
 * hooks are filled in when the image is turned into bytes.
 */
const volatile struct tm_recorder_code tm_code
	__attribute__((section(".head"), used)) = {
	.version = TM_RECORDER_VERSION,
	.magic = TM_RECORDER_CODE_MAGIC,
};
