/* Offsets that entry.S uses; recorder_cpu.h holds them to the structs. */
#ifndef TM_ARCH_X86_64_ENTRY_H
#define TM_ARCH_X86_64_ENTRY_H

#define CODE_TABLE 16     /* struct tm_recorder_code */
#define CODE_GATE 32
#define CODE_NALLOCATORS 92

#define TABLE_THREADS 40  /* struct tm_recorder_table */
#define TABLE_FILTER 64
#define TABLE_SAMPLE 144
#define TABLE_PY_FLAGS 212

#define THREAD_OWNER 0    /* struct tm_recorder_thread */
#define THREAD_COUNTDOWN 24
#define THREAD_INSIDE 56
#define THREAD_SIZE_LOG2 6
#define THREAD_FACTOR 0x9e3779b97f4a7c15
#define THREAD_SHIFT 54

#define FILTER_SHIFT 8
#define FILTER_FOLD 15
#define FILTER_MASK 0x7ffff

#define ENTRY_ORIGINAL 0  /* struct tm_recorder_entry */
#define ENTRY_NOTHROW 8

#define IN_FLAGS -24       /* what a hook finds at its stack pointer, and below */
#define IN_AX -16
#define IN_CX -8
#define IN_ENTRY 0
#define IN_BP 8
#define IN_SIZE 16

#define CALL_DI 0         /* struct tm_recorder_call */
#define CALL_SI 8
#define CALL_DX 16
#define CALL_LEFT_AX 24
#define CALL_LEFT_FLAGS 32
#define CALL_LEFT_DI 40
#define CALL_R8 40        /* operator new's: where others keep other things */
#define CALL_R9 48
#define CALL_R10 56
#define CALL_R11 64
#define CALL_KNOWN 60
#define CALL_AFTER 72
#define CALL_CX 80
#define CALL_ENTRY 88
#define CALL_BP 96

#define CODE_PY_WORDS 360 /* struct tm_recorder_code; by tm_py_word() */
#define PY_WORD_SIZE 32
#define PY_WORD_ORIGINAL 0
#define PY_WORD_MOST 24
#define PY_SMALL 512
#define PY_NESTED 1
#define PY_WITH_C 2
#define PY_NOTE_REACH 256
#define PY_TAKEN 2
#define PY_TRACER 12
#define PY_CREATE 0

#define GATE_ENABLED 0    /* struct tm_recorder_gate */
#define GATE_MANY_GILS 4
#define GATE_MOVING 8
#define GATE_COUNTDOWN 88

#endif
