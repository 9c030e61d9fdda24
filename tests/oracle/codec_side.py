# Runs in the interpreter under test, as -c SCRIPT MODE; files go through
# stdin and stdout, so that it may live in another root.
#
#   dump   make traces of every odd kind, Snapshot.dump() them to stdout
#   show   Snapshot.load() from stdin; its traces and statistics as JSON lines
import json
import os
import sys
import tempfile
import tracemalloc


def work():
    keep = []
    names = ["a.py", "<string>", "\u00e4\U0001f600.py", "bad\udc80.py", "",
             "quo\"te,\n.py", "nul\0.py", "x" * 300, "traces", "tracemalloc"]

    def deep(code, depth):
        if depth:
            return deep(code, depth - 1)
        space = {}
        exec(code, space)
        return space["x"]

    for i, name in enumerate(names):
        name = name.replace("\0", "0") if sys.version_info < (3, 8) else name
        source = "\n" * (i * 37) + "x = [bytes(%d * k) for k in range(40)]" % (i + 1)
        try:
            code = compile(source, name, "exec")
        except ValueError:  # a NUL in a file name, in some versions
            continue
        for depth in (0, 1, 5, 30):
            keep.append(deep(code, depth))
    return keep


def track(keep):
    # Traces of another domain and of sizes that no allocation has.
    import ctypes
    fn = ctypes.pythonapi.PyTraceMalloc_Track
    fn.argtypes = [ctypes.c_uint, ctypes.c_size_t, ctypes.c_size_t]
    for i, size in enumerate((0, 255, 256, 65535, 65536, 2**31 - 1, 2**31,
                              2**32, 2**40, 2**55)):
        fn(389047, 64 * (i + 1), size)
        fn(2**32 - 1, 64 * (i + 1), size)


def dump():
    tracemalloc.start(10)
    keep = work()
    try:
        track(keep)
    except ImportError:
        pass
    snapshot = tracemalloc.take_snapshot()
    tracemalloc.stop()
    fd, name = tempfile.mkstemp()
    os.close(fd)
    snapshot.dump(name)
    with open(name, "rb") as f:
        sys.stdout.buffer.write(f.read())
    os.unlink(name)


def show():
    fd, name = tempfile.mkstemp()
    with os.fdopen(fd, "wb") as f:
        f.write(sys.stdin.buffer.read())
    snapshot = tracemalloc.Snapshot.load(name)
    os.unlink(name)
    out = ["limit %d" % snapshot.traceback_limit]
    out += sorted(json.dumps(trace) for trace in snapshot.traces._traces)
    for key in ("filename", "lineno", "traceback"):
        for cumulative in (False, True):
            if cumulative and key == "traceback":
                continue
            for stat in snapshot.statistics(key, cumulative):
                out.append(json.dumps([key, cumulative, str(stat)]))
    kept = snapshot.filter_traces([tracemalloc.Filter(True, "*.py")])
    out += [json.dumps(["filtered", str(s)]) for s in kept.statistics("lineno")]
    print("\n".join(out))


{"dump": dump, "show": show}[sys.argv[1]]()
