"""Small programs that allocate in the ways that programs do: KERNELS, functions without
arguments that do the same each time and give up all that they made.

	python_kernels.py

When its standard input names a way to record, it runs each kernel in slices, one of two
recorded, and answers with a line of JSON: {kernel: [[plain, recorded], ...]}, ns of CPU time a run.
	none               both alike: what the machine's noise is
	tracemalloc N      start(N) and stop() around each slice; the kernel runs once before, so
	                   that tracemalloc knows its tracebacks
	still              both as the program is: nothing is exchanged
	memray HOW         the same with memray, into a file in memory; HOW is malloc, python (its
	                   allocators, too) or native (and C functions)
	words              the words of the allocator tables, and who is told of objects, as they
	                   stood at the beginning, and as they stand now
	allocators         the same, but nobody is told of objects
`same` answers whether they differ. A string in place of an answer says why there is none.
"""
import ast
import asyncio
import collections
import csv
import ctypes
import decimal
import difflib
import gc
import io
import itertools
import json
import json.decoder
import json.encoder
import json.scanner
import logging
import os
import pickle
import re
import resource
import sys
import tempfile
import time
import tokenize
import tracemalloc
import xml.etree.ElementTree

SLICE = 500_000      # ns: at least so long is one
TRIES = 3            # until one is undisturbed
DOMAINS = 3

# ---- kernels ---------------------------------------------------------------------

RECORDS = [{"id": i, "name": "name %d" % i, "tags": ["a%d" % (i % 7), "b", None], "size": i * 1.5,
            "nested": {"left": [i, i + 1], "right": {"deep": True}}} for i in range(40)]
TEXT = json.dumps(RECORDS)
SOURCE = "\n".join("def f%d(a, b=%d):\n    if a < b:\n        return [a + i for i in range(b)]\n"
                   "    return {'k%d': (a, b), **{}}\n" % (i, i, i) for i in range(6))
WORDS = "the quick brown fox jumps over a lazy dog and then runs away from %d others" % 12
ROWS = "".join("%d,name %d,%f,\"quoted, %d\"\n" % (i, i, i / 3, i) for i in range(120))
XML = "<root>%s</root>" % "".join("<item id='%d'><name>n%d</name><v>%d</v></item>" % (i, i, i)
                                  for i in range(60))


def json_c():
    return json.loads(json.dumps(RECORDS))


class PureDecoder(json.JSONDecoder):
    def __init__(self):
        super().__init__()
        self.parse_object = json.decoder.JSONObject
        self.parse_array = json.decoder.JSONArray
        self.parse_string = json.decoder.py_scanstring
        self.scan_once = json.scanner.py_make_scanner(self)


def json_pure():
    return PureDecoder().decode(TEXT[:2000].rpartition(", {")[0] + "]")


def pickled():
    return pickle.loads(pickle.dumps(RECORDS, 2))


PATTERN = re.compile(r"(\w+)\s+(?P<second>\w+)")


def regular():
    return [m.groupdict() for _ in range(12) for m in PATTERN.finditer(WORDS)] + re.split(r"\s", TEXT)


def syntax():
    return [type(node).__name__ for node in ast.walk(ast.parse(SOURCE))]


def differences():
    a = WORDS.split()
    return list(difflib.ndiff(a, a[3:] + a[:3]))


def table():
    out = io.StringIO()
    csv.writer(out).writerows(csv.reader(io.StringIO(ROWS)))
    return out.getvalue()


class Slots:
    __slots__ = "x", "y", "next"

    def __init__(self, x, y):
        self.x, self.y, self.next = x, y, None


class Plain:
    def __init__(self, x):
        self.x = x
        self.other = {"x": x}


def churn():
    return [Slots(i, Plain(str(i))) for i in range(400)]


def dictionaries():
    counts = collections.Counter(TEXT[:3000])
    by = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return {k: sorted([v, v + 1, -v], key=abs) for k, v in by}


def strings():
    return ",".join([("%s-%05d" % (w, i)).upper().replace("-", "_") for i in range(30)
                     for w in WORDS.split()])


def bodies():
    at = [[i * 1.1, i * 0.7, i * 0.3, 0.0, 0.0, 0.0, 1.0 + i] for i in range(5)]
    for _ in range(12):
        for a, b in itertools.combinations(at, 2):
            dx, dy, dz = a[0] - b[0], a[1] - b[1], a[2] - b[2]
            by = 0.01 / ((dx * dx + dy * dy + dz * dz) ** 1.5 + 1e-9)
            a[3] -= dx * b[6] * by
            b[3] += dx * a[6] * by
        for a in at:
            a[0] += a[3] * 0.01
    return at


class Task:
    def __init__(self, number, queue):
        self.number, self.queue, self.waiting = number, queue, []

    def run(self, packet):
        self.waiting.append((self.number, packet))
        if len(self.waiting) > 3:
            self.waiting.pop(0)
        return [packet[0] + 1, self.number, packet]


def scheduler():
    queue = collections.deque([0, None, None] for _ in range(4))
    tasks = [Task(i, queue) for i in range(5)]
    for turn in range(300):
        packet = queue.popleft()
        queue.append(tasks[turn % 5].run(packet)[:2] + [None])
    return queue


def decimals():
    total = decimal.Decimal(0)
    for i in range(1, 500):
        total += decimal.Decimal(i) / 7
    return total


def elements():
    root = xml.etree.ElementTree.fromstring(XML)
    return [item.find("name").text for item in root.iter("item")] + [
        xml.etree.ElementTree.tostring(root)]


async def answer(n):
    await asyncio.sleep(0)
    return [n]


async def many():
    return await asyncio.gather(*[answer(i) for i in range(30)])


LOOP = asyncio.new_event_loop()


def tasks():
    return LOOP.run_until_complete(many())


def tokens():
    return list(tokenize.generate_tokens(io.StringIO(SOURCE[:600]).readline))


class Keep(logging.Handler):
    def emit(self, record):
        self.format(record)


LOGGER = logging.getLogger("bench")
LOGGER.addHandler(Keep())
LOGGER.propagate = False


def logged():
    for i in range(40):
        LOGGER.warning("%s of %d things", "some", i)


KERNELS = {
    "json": json_c, "json, pure": json_pure, "pickle": pickled, "re": regular, "ast": syntax,
    "difflib": differences, "csv": table, "slots and dicts": churn, "sorting": dictionaries,
    "strings": strings, "n-body": bodies, "scheduler": scheduler, "decimal": decimals,
    "ElementTree": elements, "asyncio": tasks, "tokenize": tokens, "logging": logged,
}

# ---- slices ----------------------------------------------------------------------


class Allocator(ctypes.Structure):
    _fields_ = [(word, ctypes.c_void_p) for word in ("ctx", "malloc", "calloc", "realloc", "free")]


class Tracer(ctypes.Structure):
    _fields_ = [("function", ctypes.c_void_p), ("data", ctypes.c_void_p)]


# Who is told of objects: 3.13 on.
GET, SET = (getattr(ctypes.pythonapi, "PyRefTracer_%setTracer" % x, None) for x in "GS")
if GET:
    GET.restype = ctypes.c_void_p
    SET.argtypes = [ctypes.c_void_p, ctypes.c_void_p]


def words():
    """Of the three tables, and the tracer's."""
    ret = []
    for domain in range(DOMAINS):
        one = Allocator()
        ctypes.pythonapi.PyMem_GetAllocator(domain, ctypes.byref(one))
        ret.append(one)
    ret.append(Tracer())
    if GET:
        data = ctypes.c_void_p()
        ret[-1].function, ret[-1].data = GET(ctypes.byref(data)), data.value
    return ret


def write(words):
    for domain, one in enumerate(words[:DOMAINS]):
        ctypes.pythonapi.PyMem_SetAllocator(domain, ctypes.byref(one))
    if SET:
        SET(words[DOMAINS].function, words[DOMAINS].data)


def switches():
    usage = resource.getrusage(resource.RUSAGE_THREAD)
    return usage.ru_nvcsw + usage.ru_nivcsw


def measure(kernel, times):
    """(CPU time of a slice, whether nothing else ran in the middle of it)"""
    before, start = switches(), time.thread_time_ns()
    for _ in range(times):
        kernel()
    end = time.thread_time_ns()
    return end - start, switches() == before


def times_of(kernel):
    """How often it is run in a slice."""
    times = 1
    while True:
        took = min(measure(kernel, times)[0] for _ in range(5))
        if took >= SLICE:
            return times
        times = max(times + 1, times * SLICE // took)


def pair(kernel, times, on, off):
    """Undisturbed, if that can be had at all."""
    for _ in range(TRIES):
        plain, alone = measure(kernel, times)
        on()
        recorded, alone_too = measure(kernel, times)
        off()
        if alone and alone_too:
            break
    return [plain, recorded]


def pairs(kernel, rounds, on, off):
    kernel()
    times = times_of(kernel)
    return [[t / times for t in pair(kernel, times, on, off)] for _ in range(rounds)]


def memray_ways(how, kernel):
    import memray
    options = {"malloc": {}, "python": {"trace_python_allocators": True},
               "native": {"trace_python_allocators": True, "native_traces": True}}[how]
    file, on = os.path.join(MEMORY, "memray"), []

    def start():
        on.append(memray.Tracker(destination=memray.FileDestination(file, overwrite=True), **options))
        on[0].__enter__()
        kernel()

    return start, lambda: on.pop().__exit__(None, None, None)


def ways(plain, name, kernel):
    """What is done before a slice that is recorded, and after it."""
    now = words()

    def trace():
        tracemalloc.start(int(name[1]))
        kernel()

    if name[0] == "tracemalloc":
        return trace, tracemalloc.stop
    if name[0] == "memray":
        return memray_ways(name[1], kernel)
    if name[0] == "allocators":
        now[DOMAINS] = plain[DOMAINS]
    if name[0] in ("words", "allocators"):
        return lambda: write(now), lambda: write(plain)
    if name[0] == "still":
        return lambda: None, lambda: None
    return lambda: write(plain), lambda: write(plain)


def same(one, other):
    return all(bytes(a) == bytes(b) for a, b in zip(one, other))


def run(plain, name, rounds):
    now, ret = words(), {}
    for kernel, function in KERNELS.items():
        on, off = ways(plain, name, function)
        gc.collect()
        if name[0] != "still":
            write(plain)
        ret[kernel] = pairs(function, rounds, on, off)
        write(now)
    return ret


def reply(plain, rounds, *name):
    if name == ("same",):
        return same(plain, words())
    try:
        return run(plain, name, int(rounds))
    except ImportError as e:
        return str(e)


def main():
    global MEMORY
    plain = words()
    print("ready", flush=True)
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as MEMORY:
        for line in sys.stdin:
            print(json.dumps(reply(plain, *line.split())), flush=True)


if __name__ == "__main__":
    main()
