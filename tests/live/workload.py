"""The target of the live matrix: every kind of trace a table can hold.

	workload.py NFRAME DIR MOMENTS

Runs on CPython 3.7 - 3.15. It fills the trace table, then freezes MOMENTS
times, changing the table in between. At each one it prints "frozen" and waits
for a byte on stdin; afterwards it prints "thawed N". It ends with its
checksum and status 0.

How a moment is compared, and why that is exact. The C function
freeze_moment() forks witnesses and then blocks in read(2), with the GIL held.
fork() gives each witness a copy of the trace table at one instant, and the
target's own table cannot change until the read returns: no Python code runs
(the GIL is held), no other thread of this program allocates outside of it
(they wait in lock acquisition, a futex), and the function itself calls nothing
but fork and write. Each witness makes exactly one call, still inside the C
function, before any other allocation:

  0  _tracemalloc._get_traces()             1  get_traced_memory()
  2  get_tracemalloc_memory()               3  get_traceback_limit()

1-3 read their figure before they allocate the object that carries it, so they
are the figures of the instant. Witness 0 is the instant's table plus, before
3.14, one entry that the call itself adds: its result list, allocated before
the table is copied while tracing is still in effect (everything it allocates
later is under the re-entrancy flag, and the table is already copied). That
entry is known completely: domain 0, the size of an empty list with its GC
header, and the traceback of the call. An emptied free list (see drain_lists)
makes sure that the list is a fresh block and not a relabelled old one. The
oracle removes one such entry, and everything else has to be equal; were any
part of this argument wrong, the comparison would fail.
"""
import ctypes
import gc
import json
import os
import sys
import threading
import tracemalloc
import _tracemalloc

NFRAME = int(sys.argv[1])
DIR = sys.argv[2]
MOMENTS = int(sys.argv[3])

lib = ctypes.CDLL(DIR + "/freeze.so")
pylib = ctypes.PyDLL(DIR + "/freeze.so")
freeze_moment = pylib.freeze_moment
freeze_moment.restype = ctypes.py_object
freeze_moment.argtypes = [ctypes.py_object, ctypes.c_int, ctypes.c_int, ctypes.c_int]
track = ctypes.pythonapi.PyTraceMalloc_Track
track.argtypes = [ctypes.c_uint, ctypes.c_size_t, ctypes.c_size_t]
untrack = ctypes.pythonapi.PyTraceMalloc_Untrack
untrack.argtypes = [ctypes.c_uint, ctypes.c_size_t]
track_frameless = lib.freeze_track_frameless
track_frameless.argtypes = [ctypes.c_uint, ctypes.c_size_t, ctypes.c_size_t]

CALLS = (_tracemalloc._get_traces, _tracemalloc.get_traced_memory,
         _tracemalloc.get_tracemalloc_memory, _tracemalloc.get_traceback_limit)
NAMES = ("traces", "traced_memory", "tracemalloc_memory", "traceback_limit")

kept = []  # everything that has to stay alive


class FileName(str):
    """A str subclass as co_filename: a non-compact string in the table."""


# ---- tracing begins at the bottom of a very deep stack ---------------------

DEEP = 70000  # total_nframe saturates at 65535


def sink(depth):
    if depth:
        return sink(depth - 1)
    tracemalloc.start(NFRAME)
    return [bytearray(100 + i) for i in range(5)]


def begin_deep():
    """Start tracing DEEP frames down, in a thread with room for them.

    Tracing is off on the way down: each traced allocation would walk the
    whole stack. 3.7 and 3.8 do not count frames beyond the limit."""
    sys.setrecursionlimit(DEEP + 1000)
    threading.stack_size(768 << 20)
    thread = threading.Thread(target=lambda: kept.append(sink(DEEP)))
    thread.start()
    thread.join()
    threading.stack_size(0)
    sys.setrecursionlimit(1000)
    assert tracemalloc.is_tracing()


# ---- kinds of traces --------------------------------------------------------

def run_code(source, filename, **names):
    exec(compile(source, filename, "exec"), dict(names, kept=kept))


def named_files():
    names = ["<string>", "<frozen importlib>", "", "/opt/app/mod.pyc", "mod.pyc",
             "gen/\u00e9t\u00e9.py", "\u65e5\u672c\u8a9e/\u6587.py",
             "emoji-\U0001f600.py", "bad-\udcff\udc80.py", "lone-\ud800.py",
             "x" * 300 + ".py", "y/" * 3000 + "z.py", "tab\there \"q\".py",
             "new\nline,comma.py", "[set].py", "esc-\x1b[31m.py"]
    for n, name in enumerate(names):
        try:
            run_code("for i in range(%d):\n\n kept.append(bytearray(2000 + i))"
                     % (n + 1), name)
        except (UnicodeError, ValueError, SyntaxError):
            rename(name, n)
    rename("nul\0byte.py", 1)
    if sys.version_info >= (3, 8):
        for name in ("sub.py", "sub-\u00e9.py", "sub-\u6587.py", "sub-\U0001f600.pyc"):
            rename(FileName(name), 2)


def rename(name, n):
    """For names that compile() refuses: give them to ready code."""
    code = compile("kept.append(bytearray(3000 + %d))" % n, "plain.py", "exec")
    if hasattr(code, "replace"):
        exec(code.replace(co_filename=name), {"kept": kept})


def real_files():
    for name in (b"plain_mod.py", b"caf\xc3\xa9.py", b"raw\xff\xfe.py"):
        path = os.path.join(os.fsencode(DIR), name)
        with open(path, "wb") as f:
            f.write(b"# -*- coding: utf-8 -*-\ndef make(n):\n"
                    b"    return [bytearray(64) for i in range(n)]\n")
        scope = {}
        with open(path, "rb") as f:
            exec(compile(f.read(), os.fsdecode(path), "exec"), scope)
        kept.append(scope["make"](17))


def line_zero():
    code = compile("kept.append(bytearray(4321))", "unknown-line.py", "exec")
    if hasattr(code, "replace"):
        exec(code.replace(co_firstlineno=0), {"kept": kept})


def generated():
    for n in range(40):
        scope = {}
        exec(compile("def f%d(n):\n%s    return [object() for i in range(n)]"
                     % (n, "\n" * (n % 7)), "<generated-%d>" % (n % 9), "exec"), scope)
        kept.append(scope["f%d" % n](n + 1))


def recurse(depth, size):
    if depth:
        return recurse(depth - 1, size)
    return bytearray(size)


def even(depth):
    return odd(depth - 1) if depth else {i: str(i) * 9 for i in range(20)}


def odd(depth):
    return even(depth - 1) if depth else [float(i) for i in range(20)]


def generator(depth):
    yield bytearray(depth + 200)
    if depth:
        yield from generator(depth - 1)


def deep_stacks():
    for depth in (0, 1, 5, 8, 9, 10, 11, 23, 24, 25, 26, 60, 200):
        kept.append([recurse(depth, 500) for i in range(3)])
        kept.append(even(depth))
        kept.append(list(generator(depth)))


def domains():
    base = 0x7000 << 32
    for n in range(500):
        track(389047, base + n * 64, n * 8)
    for n in range(200):
        track(0xffffffff, base + n * 64, 1 << (n % 40))
    for n in range(3):
        track(1, base + n * 64, 0)
    track(0, base + (1 << 20), 0)
    track(0, base + (1 << 21), 1 << 45)
    track(7, base, 1)
    untrack(7, base)  # leaves an empty table in 3.9+
    for n in range(0, 500, 3):
        untrack(389047, base + n * 64)
    track(389047, base + 64, 123456)  # tracked again: replaced
    for n in range(4):
        assert track_frameless(389047 * (n % 2), base + (1 << 30) + n * 64, 77 + n) == 0


def threaded():
    """Threads that stay, each deep in its own stack, waiting for a lock."""
    gate = threading.Lock()
    gate.acquire()
    ready = threading.Semaphore(0)

    def stay(n):
        mine = [recurse(n, 300 + n), even(n)]
        ready.release()
        with gate:
            return mine

    threads = [threading.Thread(target=stay, args=(n * 9,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for _ in threads:
        ready.acquire()
    return gate, threads


def fill():
    named_files()
    real_files()
    line_zero()
    generated()
    deep_stacks()
    domains()
    for n in range(1200):
        kept.append("%d" % n * (n % 50 + 1))
        kept.append({n: [n]})


def change(n):
    """What differs from one moment to the next: growth, frees, new sites."""
    for i in range(0, len(kept), 3 + n):
        kept[i] = None
    run_code("kept.append([bytearray(%d) for i in range(50)])" % (1000 * n + 900),
             "later-%d.py" % n)
    track(389047, (0x7100 << 32) + n, 5000)
    kept.append([recurse(30, 700) for i in range(40)])


# ---- moments ------------------------------------------------------------------

def call_stack(line):
    """The frames of the freezing call, oldest first, as a trace holds them."""
    frame = sys._getframe(1)
    frames = [(frame.f_code.co_filename, line)]
    while frame.f_back is not None:
        frame = frame.f_back
        frames.append((frame.f_code.co_filename, frame.f_lineno))
    return frames[::-1]


def drain_lists():
    """Take every list off the interpreter's free list."""
    return [[] for _ in range(400)]


def plain_snapshot(traces):
    """With plain names: a pickle of FileName would need this module."""
    traces = [trace[:2] + (tuple((str.__str__(name), line) for name, line in trace[2]),)
              + trace[3:] for trace in traces]
    return tracemalloc.Snapshot(traces, tracemalloc.get_traceback_limit())


def testify(n, which, result, frames):
    """In a witness: write down what it saw."""
    path = "%s/moment-%d-%s" % (DIR, n, NAMES[which])
    if which == 0:
        snapshot = tracemalloc.Snapshot(result, tracemalloc.get_traceback_limit())
        snapshot.dump(path)
        plain_snapshot(result).dump(path + "-plain")
        result = None
        if sys.version_info < (3, 14):
            result = {"size": sys.getsizeof([]), "total_nframe": len(frames),
                      "frames": frames[-NFRAME:]}
    with open(path + ".json", "w") as f:
        json.dump(result, f)
    os._exit(0)


def freeze(n):
    drained = drain_lists()
    line = sys._getframe().f_lineno + 1
    result = freeze_moment(CALLS, len(CALLS), 1, 0)
    which = pylib.freeze_witness()
    if which >= 0:
        testify(n, which, result, call_stack(line))
    del drained
    os.write(1, b"thawed %d\n" % n)


def main():
    begin_deep()
    gate, threads = threaded()
    fill()
    gc.collect()
    gc.disable()
    for n in range(1, MOMENTS + 1):
        if n > 1:
            change(n)
        freeze(n)
    gate.release()
    for thread in threads:
        thread.join()
    print("checksum %d" % sum(len(x) for x in kept if isinstance(x, (str, bytearray))))


if __name__ == "__main__":
    main()
