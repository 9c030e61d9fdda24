/* Offsets that entry_x86_64.S uses; hooks.c holds them to the structs. */
#ifndef TM_RECORDER_ENTRY_X86_64_H
#define TM_RECORDER_ENTRY_X86_64_H

#define CODE_GATE 32      /* struct tm_recorder_code */

#define ENTRY_ORIGINAL 0  /* struct tm_recorder_entry */
#define ENTRY_NOTHROW 8

#define CALL_RDI 0        /* struct tm_recorder_call */
#define CALL_RSI 8
#define CALL_RDX 16
#define CALL_RCX 24
#define CALL_R8 32
#define CALL_ENTRY 40
#define CALL_AFTER 48
#define CALL_RBP 96

#endif
