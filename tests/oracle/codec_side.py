# Runs in the interpreter under test, as -c SCRIPT MODE; files go through
# stdin and stdout, so that it may live in another root.
#
#   dump   make traces of every odd kind, Snapshot.dump() them to stdout
#   show   Snapshot.load() from stdin; its traces and statistics as JSON lines
#   version "3.8"
#   shapes pickles of snapshots as people keep them, and of what else they may
#          take for one: {"traces": N, "size": N, "files": {NAME: [BASE64, WHAT]}},
#          WHAT is "" where the snapshot is to be read, else part of the message
import base64
import collections
import datetime
import importlib
import json
import os
import pickle
import sys
import tempfile
import tracemalloc


def packer(module):
    """None: this Python was built without it."""
    try:
        return importlib.import_module(module)
    except ImportError:
        return None


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


class Derived(tracemalloc.Snapshot):
    pass


class Slotted(tracemalloc.Snapshot):
    __slots__ = ("when",)


class Report:
    pass


Pair = collections.namedtuple("Pair", "title found")


def with_note(snapshot, value):
    copy = tracemalloc.Snapshot(snapshot.traces._traces, snapshot.traceback_limit)
    copy.note = value
    return copy


def kept(snapshot, other):
    """(name, object, what the message has to say) for each."""
    traces, limit = snapshot.traces._traces, snapshot.traceback_limit
    notes = {
        "float": 1.5, "bool": True, "list": [1, [2, []]], "tuple": (1, "b"),
        "frame": ("a.py", 1), "none": None, "str": "\u00e4\n\\", "neg": -1,
        "big": 2 ** 70, "bytes": b"x" * 300, "bytearray": bytearray(b"y"),
        "set": {1}, "frozenset": frozenset("a"), "dict": {"traces": 1},
        "nested": {"traceback_limit": 99, "_traces": []}, "complex": 1j,
        "date": datetime.datetime(2024, 1, 2), "type": dict, "function": print,
        "ordered": collections.OrderedDict(a=1), "long": "x" * 100000,
        "counter": collections.Counter("aab"), "deque": collections.deque([1]),
        "stats": snapshot.statistics("lineno")[:3], "snapshot": other,
        "traces": other.traces._traces, "range": range(3),
        "default": collections.defaultdict(list, {"a": [1]}),
    }
    for name, value in notes.items():
        yield "note-" + name, with_note(snapshot, value), ""
    slotted = Slotted(traces, limit)
    slotted.when = 5
    report = Report()
    report.title, report.found = "x", snapshot
    yield "derived", Derived(traces, limit), ""
    yield "slotted", slotted, ""
    yield "tuple of traces", tracemalloc.Snapshot(tuple(traces), limit), ""
    yield "one in a list", [snapshot], ""
    yield "one in a dict", {"pid": 1, "snapshot": snapshot}, ""
    yield "one in an object", report, ""
    yield "one in a named tuple", Pair("x", snapshot), ""
    yield "one in an ordered dict", collections.OrderedDict(found=snapshot), ""
    yield "bare traces", traces, ""
    yield "two in a list", [other, snapshot, other], "3 snapshots, in a list"
    yield "two in a dict", {"old": other, "new": snapshot}, "#2 is 'new'"
    yield "statistics", snapshot.statistics("lineno"), "tracemalloc.Statistic"
    yield "differences", snapshot.compare_to(other, "lineno"), \
        "tracemalloc.StatisticDiff"
    yield "one statistic", snapshot.statistics("filename")[0], \
        "a tracemalloc.Statistic"
    yield "trace objects", list(snapshot.traces), "tracemalloc.Trace"
    yield "filter", tracemalloc.Filter(True, "*"), "a tracemalloc.Filter"
    yield "memory", tracemalloc.get_traced_memory(), "a tuple of 2 int"
    yield "data", {"a": 1}, "a dict of 1 items"
    yield "words", ["a", "b"], "a list of 2 str"


def shapes():
    tracemalloc.start(5)
    keep = work()[:4]
    other = tracemalloc.take_snapshot()
    keep.append([bytes(1000) for _ in range(50)])
    snapshot = tracemalloc.take_snapshot()
    tracemalloc.stop()
    files = {}

    def add(name, data, what):
        files[name] = [base64.b64encode(data).decode(), what]

    for name, value, what in kept(snapshot, other):
        for protocol in (0, 2, pickle.HIGHEST_PROTOCOL):
            try:
                data = pickle.dumps(value, protocol)
            except TypeError:  # of slots in protocol 0
                continue
            add("%s, protocol %d.pickle" % (name, protocol), data, what)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        data = pickle.dumps(snapshot, protocol)
        add("protocol %d.pickle" % protocol, data, "")
        add("protocol %d by content" % protocol, data, "")
        for module, suffix in ("gzip", "gz"), ("bz2", "bz2"), ("lzma", "xz"), ("zlib", "z"):
            pack = packer(module)
            if pack:
                add("protocol %d.pickle.%s" % (protocol, suffix), pack.compress(data), "")
    # Python 3.4 and 3.5 kept no domain.
    old = [(t[1], t[2]) for t in snapshot.traces._traces]
    add("3.5.pickle", pickle.dumps(tracemalloc.Snapshot(old, 5), 4), "")
    add("after others.pickle", pickle.dumps({"version": 1}, 4) + pickle.dumps("x", 2) + pickle.dumps(snapshot, 4), "")
    add("none of several.pickle", pickle.dumps(1, 4) + pickle.dumps("x", 2), "a pickle of a str")
    add("two in one file.pickle", 2 * pickle.dumps(snapshot, 4), "")
    sizes = [t[1] for t in snapshot.traces._traces]
    print(json.dumps({"traces": len(sizes), "size": sum(sizes), "files": files}))


def version():
    print("%d.%d" % sys.version_info[:2])


{"dump": dump, "show": show, "shapes": shapes, "version": version}[sys.argv[1]]()
