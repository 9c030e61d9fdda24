/*
 * How each version lays out objects in memory, as far as a census needs it:
 * a group of struct py_layout. Offsets are those of release builds on 64 bits
 * (DWARF of 3.7.16, 3.8.18, 3.9.18, 3.10.13, 3.11.7, 3.12.1, 3.13.0; headers of
 * 3.14.10, 3.15.2). What does not differ is beside the code that reads it.
 */
#ifndef TM_PY_OBJECT_LAYOUT_H
#define TM_PY_OBJECT_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

enum py_refs_kind {
	PY_REFS_PLAIN,        /* until 3.11: a signed word */
	PY_REFS_IMMORTAL,     /* 3.12, 3.13: bit 31 set: never freed */
	PY_REFS_HALF,         /* 3.14 on: the lower half of the word */
};

/* Where the attributes of an instance are, if its type says so in tp_flags. */
enum py_values_kind {
	PY_VALUES_NONE,       /* until 3.10: tp_dictoffset only */
	PY_VALUES_POINTER,    /* 3.11: words -4 (values) and -3 (dict) */
	PY_VALUES_TAGGED,     /* 3.12: word -3: dict, or values less 1 */
	PY_VALUES_INLINE,     /* 3.13 on: word -3 (dict); values in the object */
};

struct py_object_layout {
	enum py_refs_kind refs;
	enum py_values_kind values;
	uint32_t preheader_flags; /* of tp_flags: two words before the GC head */
	bool types_counted;       /* 3.8 on: every instance holds its heap type */
	uint16_t str_size;        /* the smallest: sizeof(PyASCIIObject) */
	/* PyInterpreterState; from 3.13 on positions in struct _Py_DebugOffsets. */
	uint16_t sysdict, builtins;
	/* PyHeapTypeObject */
	uint16_t type_size, ht_qualname, ht_cached_keys;
	/* PyFrameObject until 3.10, then _PyInterpreterFrame; where its stack ends and
	 * which objects have one inside: struct py_waiting_layout */
	uint16_t frame_locals;    /* f_localsplus */
	uint16_t frame_func, frame_f_locals, frame_object; /* 3.11 on */
	/* PyCodeObject */
	uint16_t code_names;      /* co_varnames, co_localsplusnames */
	uint16_t code_bytes;      /* _co_code, 3.11: an object */
	/* Private memory: co_extra; co_cell2arg until 3.10, since 3.12 _co_cached;
	 * _co_linearray of 3.11. */
	uint16_t code_extra, code_cached, code_linearray;
	uint16_t md_state;        /* PyModuleObject */
};

#endif
