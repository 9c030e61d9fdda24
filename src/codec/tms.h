/*
 * The .tms format, version 1.3
 * ============================
 *
 *   header    12 bytes: 89 'T' 'M' 'S' 0D 0A 1A 0A, major u16, minor u16
 *   body      one zstd frame (window at most 8 MiB, with its checksum)
 *   trailer   4 bytes: CRC-32 (zlib's) of all bytes before it
 *
 * Fixed-width integers are little-endian. In the body, integers are varints:
 * seven bits per byte, low bits first, the top bit set on all bytes but the
 * last, at most ten bytes. "x+1" means that 0 is "none".
 *
 * The body is a sequence of chunks: tag, length in bytes, payload. A table is
 * spread over as many chunks of its tag as the writer likes; a record never
 * crosses a chunk. Records are numbered from 0 in the order they come, and
 * one may name only what came before it.
 *
 *   1 META        field number, length, payload: see enum tms_meta_field
 *   2 STRINGS     length, bytes (UTF-8, lone surrogates allowed)
 *   3 MODULES     path, build_id+1 (strings)
 *   4 FRAMES      filename << 1 | native, lineno; if native: function+1,
 *                 module+1, address, inlined
 *   5 TRACEBACKS  number of frames, total_nframe+1, the frames (oldest first)
 *   6 SITES       traceback, domain
 *   7 ROWS        n, then three columns of n values: site minus the row
 *                 before's site (the first: minus 0); size, minus the row
 *                 before's if that is of the same site; count - 1
 *   8 FUNCTIONS   1.1, before FRAMES: for the first frames of these, one by
 *                 one, function+1 (strings), 0 also of native ones
 *   9 THREADS     1.2, before SITES: for the first sites of these, one by one,
 *                 thread+1 (strings); it is there if the traces tell their threads,
 *                 without sites as well
 *  10 AGES        1.3, before SITES: for the first sites of these, one by one,
 *                 age+1 (tenths of a second)
 *   0 END         numbers of strings, modules, frames, tracebacks, sites;
 *                 number of traces; sum of their sizes. The last chunk.
 *
 * Names and tables are in the order of codec/canon.h, and rows that are equal
 * are added up: equal snapshots are equal files.
 *
 * Growing the format: readers skip tags and meta fields they do not know, and
 * trailing bytes of a meta field; such additions raise the minor version.
 * Whatever old readers must not overlook raises the major one, and they
 * refuse it.
 */
#ifndef TM_CODEC_TMS_H
#define TM_CODEC_TMS_H

#include <stdint.h>

#define TMS_MAGIC "\x89TMS\r\n\x1a\n"

enum {
	TMS_MAJOR = 1,
	TMS_MINOR = 3,
	TMS_HEADER = 12,
	TMS_TRAILER = 4,
	TMS_WINDOW_LOG = 23,
	TMS_ROWS_PER_CHUNK = 1 << 15, /* readers accept up to this many */
};

/* Formats of this make: the same header, frame, chunks and trailer. */
struct tms_kind {
	const char *magic;   /* 8 bytes */
	unsigned major, minor;
	const char *suffix;
};

#define TMS_KIND ((const struct tms_kind){                                     \
	TMS_MAGIC, TMS_MAJOR, TMS_MINOR, ".tms" })

enum tms_tag {
	TMS_END,
	TMS_META,
	TMS_STRINGS,
	TMS_MODULES,
	TMS_FRAMES,
	TMS_TRACEBACKS,
	TMS_SITES,
	TMS_ROWS,
	TMS_FUNCTIONS,
	TMS_THREADS,
	TMS_AGES,
};

/* The payload is a varint; of RUNTIME and COMMAND, the bytes of the text. */
enum tms_meta_field {
	TMS_META_PID = 1,
	TMS_META_TRACEBACK_LIMIT,
	TMS_META_TAKEN_AT, /* ms since the epoch, as its two's complement */
	TMS_META_TRACED_CURRENT,
	TMS_META_TRACED_PEAK,
	TMS_META_TRACER_MEMORY,
	TMS_META_PAUSE_NS,
	TMS_META_SAMPLE_BYTES,
	TMS_META_DROPPED,
	TMS_META_HAS_TOTAL_NFRAME,
	TMS_META_PARTIAL,
	TMS_META_RUNTIME,
	TMS_META_COMMAND,
};

/*
 * A small file must not fill the memory: the body may be this many times the
 * size of the file, plus a fixed allowance. The writer checks it too.
 */
#define TMS_EXPANSION_FACTOR 1000u
#define TMS_EXPANSION_FREE (256u << 20)

#endif
