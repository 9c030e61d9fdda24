"""A target of the test `pyrecorder`.

	pyrecorder_target.py DIR

Reads commands, one a line, and answers each with one line, "done ..." or what went wrong:
  objects N     tracemalloc on (ten frames); objects of many kinds, N of each, in DIR/objects:
                type, id, and the frames that get_object_traceback() has
  sites N [c]   four functions keep about N blocks each; DIR/sites has what they take. With c
                one takes blocks from malloc(), too
  free          what was kept is let go
  work          some work with a known result, which is checked
  threads N     N threads that work until `join`
  join          they end; an error if a result was wrong
  NAME          the function do_NAME below
"""
import errno
import gc
import json
import os
import select
import signal
import sys
import threading
import tracemalloc

DIR = sys.argv[1]
kept = []
workers = []
children = {}
going = True
wrong = []


# ---- objects of many kinds ---------------------------------------------------------

class Plain(object):
    def __init__(self, i):
        self.i = i


class Slots(object):
    __slots__ = ("i",)

    def __init__(self, i):
        self.i = i


class Lazy(object):
    def __getattr__(self, name):
        return make_bytes(len(name))


def make_bytes(i):
    return b"x" * (100 + i % 300)


def make_str(i):
    return "%d" % i + "a" * (60 + i % 100)


def make_large(i):
    return bytearray(1000 + i)


def make_tuple(i):
    return tuple([i] * (21 + i % 9))


def make_list(i):
    return [i, i, i]


def make_dict(i):
    return {"k": i, i: i}


def make_set(i):
    return set([i, i + 1])


def make_float(i):
    return i + 0.5


def make_int(i):
    return 10 ** 40 + i


def make_lambda(i):
    return lambda: i


def by_map(i):
    return list(map(make_str, [i]))[0]


def by_sorted(i):
    seen = []
    sorted([1], key=lambda x: seen.append(make_bytes(i)))
    return seen[0]


def by_generator(i):
    def generate():
        yield make_str(i)
    return next(generate())


def by_getattr(i):
    return Lazy().abcdefgh


def by_comprehension(i):
    return [make_bytes(x) for x in [i]][0]


def by_depth(i, depth=20):
    return by_depth(i, depth - 1) if depth else make_bytes(i)


MAKERS = (Plain, Slots, make_bytes, make_str, make_large, make_tuple, make_list, make_dict,
          make_set, make_float, make_int, make_lambda, by_map, by_sorted, by_generator, by_getattr,
          by_comprehension, by_depth)


def make_all(n):
    for i in range(n):
        for maker in MAKERS:
            kept.append(maker(i))


class Tracers(object):
    """Since 3.13 one function is told of each object, whose place tracemalloc takes: that
    who was there is told, too."""

    def __init__(self):
        import ctypes
        self.api = ctypes.pythonapi
        if not hasattr(self.api, "PyRefTracer_GetTracer"):
            self.api = None
            return
        self.api.PyRefTracer_GetTracer.restype = ctypes.c_void_p
        self.api.PyRefTracer_SetTracer.argtypes = [ctypes.c_void_p] * 2
        self.library = ctypes.CDLL(os.path.join(DIR, "room.so"))
        self.told = (ctypes.c_void_p * 4).in_dll(self.library, "told")
        self.tell_both = ctypes.cast(self.library.tell_both, ctypes.c_void_p)
        self.get(0)

    def get(self, i):
        import ctypes
        data = ctypes.c_void_p()
        function = self.api.PyRefTracer_GetTracer(ctypes.byref(data))
        if function != self.tell_both.value:
            self.told[2 * i], self.told[2 * i + 1] = function, data.value

    def tell(self):
        if self.api:
            self.get(1)
            self.api.PyRefTracer_SetTracer(self.tell_both, None)

    def count(self):
        import ctypes
        objects = ctypes.c_uint64.in_dll(self.library, "objects")
        self.api.PyRefTracer_SetTracer(ctypes.cast(self.library.count, ctypes.c_void_p),
                                       ctypes.addressof(objects))
        return objects

    def put_back(self):
        if self.api:
            self.api.PyRefTracer_SetTracer(self.told[0], self.told[1])


def do_objects(n):
    tracers = Tracers()
    tracemalloc.start(10)
    tracers.tell()
    make_all(int(n))
    told = []
    for o in kept:
        traceback = tracemalloc.get_object_traceback(o)
        told.append([type(o).__name__, id(o), traceback and
                     [[f.lineno, f.filename] for f in traceback]])
    tracemalloc.stop()
    tracers.put_back()
    with open(os.path.join(DIR, "objects"), "w") as f:
        json.dump(told, f)
    return len(kept)


# ---- sites -------------------------------------------------------------------------

def site_small(n):
    kept.append([b"s" * (40 + i % 20) for i in range(n)])


def site_medium(n):
    kept.append([b"m" * (300 + i % 100) for i in range(n)])


def site_large(n):
    kept.append([b"l" * (3000 + i % 1000) for i in range(n // 10)])


def site_array(n):
    kept.append([bytearray(60000) for i in range(n // 200)])


class FromMalloc(object):
    """A block that Python does not know of."""
    libc = None

    def __init__(self, size):
        self.at = FromMalloc.libc.malloc(size)

    def __del__(self):
        FromMalloc.libc.free(self.at)


def site_c(n):
    import ctypes
    if not FromMalloc.libc:
        libc = FromMalloc.libc = ctypes.CDLL(None)
        libc.malloc.argtypes, libc.malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
        libc.free.argtypes, libc.free.restype = [ctypes.c_void_p], None
    kept.append([FromMalloc(2000 + i % 500) for i in range(n // 10)])
    return {FromMalloc.__init__.__code__.co_firstlineno + 1:
            sum(2000 + i % 500 + sys.getsizeof(b.at) for i, b in enumerate(kept[-1]))}


SITES = (site_small, site_medium, site_large, site_array)


def do_sites(n, *c):
    for site in SITES:
        site(int(n))
    truth = {}
    for site, lists in zip(SITES, kept[-len(SITES):]):
        truth[site.__code__.co_firstlineno + 1] = sys.getsizeof(lists) + \
            sum(sys.getsizeof(b) for b in lists)
    for _ in c:
        truth.update(site_c(int(n)))
    with open(os.path.join(DIR, "sites"), "w") as f:
        json.dump(truth, f)
    return ""


def do_pickle(name):
    snapshot = tracemalloc.Snapshot.load(os.path.join(DIR, name))
    return sum(s.count for s in snapshot.statistics("traceback"))


def do_free():
    del kept[:]
    gc.collect()
    return ""


# ---- work --------------------------------------------------------------------------

def work(n=300):
    rows = [(i, str(i), [i] * (i % 40), bytearray(i * 7 % 2000), {i: str(i)}) for i in range(n)]
    total = 0
    for i, text, items, array, table in rows:
        items.extend(range(i % 30))
        total += len(items) + len(array) + int(text) + len(table[i])
    text = ",".join(row[1] for row in rows)
    return total + len(text)


EXPECTED = work()


def check_work():
    got = work()
    if got != EXPECTED:
        wrong.append("work: %r, not %r" % (got, EXPECTED))


def do_work():
    for _ in range(20):
        check_work()
    return ""


def worker():
    while going:
        check_work()


def do_threads(n):
    for _ in range(int(n)):
        workers.append(threading.Thread(target=worker))
        workers[-1].start()
    return ""


def do_join():
    global going
    going = False
    for thread in workers:
        thread.join()
    del workers[:]
    going = True
    return ""


# ---- copies of the allocator tables' words ---------------------------------------------

def room_and_object_allocator():
    """An array of words in a library's data, and (ctx, malloc, calloc, realloc, free)."""
    import ctypes
    library = ctypes.CDLL(os.path.join(DIR, "room.so"))
    allocator = (ctypes.c_uint64 * 5)()
    ctypes.pythonapi.PyMem_GetAllocator(2, allocator)
    return (ctypes.c_uint64 * 8192).in_dll(library, "room"), allocator


def do_copy(n):
    room, allocator = room_and_object_allocator()
    for i in range(len(room)):
        room[i] = allocator[1] if i < int(n) else 0
    return ""


def do_call_copy(i):
    import ctypes
    room, allocator = room_and_object_allocator()
    call = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)(room[int(i)])
    free = ctypes.PYFUNCTYPE(None, ctypes.c_void_p)(("PyObject_Free", ctypes.pythonapi))
    block = call(allocator[0], 100)
    ctypes.memset(block, 1, 100)
    free(block)
    return ""


# ---- what could be disturbed ---------------------------------------------------------

def do_errno():
    import ctypes
    for i in range(2000):
        ctypes.set_errno(4711)
        kept.append(bytearray(i))
        assert ctypes.get_errno() == 4711
        try:
            os.stat("/nowhere")
        except OSError as e:
            assert e.errno == errno.ENOENT, e
    return ""


def raiser(i):
    kept.append(str(i) * 30)
    try:
        raise ValueError(i, "x" * i)
    finally:
        kept.append([i])


def do_exceptions():
    for i in range(3000):
        try:
            raiser(i)
        except ValueError as e:
            assert e.args[0] == i and len(e.args[1]) == i
    return ""


def do_settrace():
    events = []

    def trace(frame, event, arg):
        events.append((event, frame.f_lineno))
        return trace

    def traced():
        kept.append("t" * 100)
        return [i for i in range(3)]

    runs = []
    for _ in range(3):
        del events[:]
        sys.settrace(trace)
        traced()
        sys.settrace(None)
        runs.append(list(events))
    assert runs[0] == runs[1] == runs[2] and runs[0], runs
    return ""


def deep(n):
    return deep(n - 1) if n else str(4711) * 30


def do_deep():
    """100 000 frames: on a stack of its own, since until 3.10 each takes some of C's."""
    got = []

    def run():
        sys.setrecursionlimit(110000)
        got.append(deep(100000))

    threading.stack_size(1 << 30)
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    threading.stack_size(0)
    sys.setrecursionlimit(1000)
    assert got == ["4711" * 30]
    try:
        deep(5000)
    except RecursionError:
        return ""
    raise AssertionError("no RecursionError")


def do_signals():
    seen = []
    signal.signal(signal.SIGALRM, lambda *a: seen.append(str(len(seen)) * 40))
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    while len(seen) < 300:
        check_work()
    signal.setitimer(signal.ITIMER_REAL, 0)
    return ""


def do_fork():
    """A child works on with the hooks and without a table, in the middle of all."""
    for i in range(20):
        pid = os.fork()
        if pid == 0:
            check_work()
            os._exit(0 if not wrong and work() == EXPECTED else 1)
        assert os.waitpid(pid, 0)[1] == 0
        check_work()
    return ""


def do_child():
    """One that works on for tmattach, as long as it is not told to end and this process is
    there: its pid."""
    end, kept_open = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(0)
        os.close(kept_open)
        while not select.select([end], [], [], 0)[0]:
            check_work()
        os._exit(len(wrong))
    os.close(end)
    children[pid] = kept_open
    return str(pid)


def do_reap(pid):
    os.close(children.pop(int(pid)))
    status = os.waitpid(int(pid), 0)[1]
    assert status == 0, status
    return ""


def do_spawn():
    import subprocess
    for _ in range(5):
        assert subprocess.check_output([sys.executable, "-c", "print(6 * 7)"]) == b"42\n"
    return ""


def do_asyncio():
    import asyncio

    async def leaf(i):
        await asyncio.sleep(0)
        return str(i) * 20

    async def main():
        got = await asyncio.gather(*[leaf(i) for i in range(500)])
        assert got == [str(i) * 20 for i in range(500)]

    loop = asyncio.new_event_loop()
    loop.run_until_complete(main())
    loop.close()
    return ""


def do_greenlets():
    try:
        from greenlet import greenlet
    except ImportError:
        return "skipped: no greenlet"

    def other(n):
        for i in range(n):
            kept.append("g" * 100)
            back.switch(i)
        return None

    back = greenlet.getcurrent()
    one = greenlet(other)
    got = [one.switch(1000)]
    while len(got) < 1000:
        got.append(one.switch())
    assert got == list(range(1000))
    return ""


def do_tracemalloc(rounds):
    """Its hooks come and go above ours."""
    for i in range(int(rounds)):
        tracemalloc.start(3)
        check_work()
        tracemalloc.stop()
        check_work()
    return ""


def do_trace_on():
    tracemalloc.start()
    return ""


def do_trace_off():
    tracemalloc.stop()
    return ""


FILL = """
import sys
def churn():
    for i in range(200000):
        bytes(300), bytes(301)
def make():
    return [bytes(200) for i in range(40000)]
churn()
kept = make()
sys.kept = kept
with open(%r, "w") as f:
    f.write(str(sum(map(sys.getsizeof, kept)) + sys.getsizeof(kept)))
"""
others = []


def interpreters():
    try:
        import _interpreters
    except ImportError:
        import _xxsubinterpreters as _interpreters  # 3.12
    return _interpreters


def do_interpreters(n):
    """Each with a GIL of its own."""
    for i in range(int(n)):
        others.append(interpreters().create(*["isolated"][:sys.version_info >= (3, 13)]))
    return ""


def do_fill():
    """A thread in each of them, all at once; what make() holds then."""
    paths = [os.path.join(DIR, "filled.%d" % i) for i in range(len(others))]
    threads = [threading.Thread(target=interpreters().run_string,
                                args=(other, "exec(compile(%r, '<fill>', 'exec'))" % (FILL % path)))
               for other, path in zip(others, paths)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(int(open(path).read()) for path in paths)


def do_destroy():
    while others:
        interpreters().destroy(others.pop())
    return ""


replaced = []


def do_tracer(what):
    """Another is told of objects: alone, keeping who was before where no library has it, or
    after that; until `back`. How many `count` was told of is in the answer."""
    tracers = Tracers()
    if what == "pass":
        tracers.told[2] = None
        tracers.api.PyRefTracer_SetTracer(tracers.tell_both, None)
    elif what == "count":
        replaced[:] = [tracers.told[0]]
        tracers.told[0] = None
        return tracers.count().value
    elif what == "back":
        tracers.api.PyRefTracer_SetTracer(replaced[0], None)
    elif what == "none":
        tracers.api.PyRefTracer_SetTracer(None, None)
    else:
        import ctypes
        return int(tracers.told[0] == ctypes.cast(tracers.library.count, ctypes.c_void_p).value)
    return ""


def do_exec():
    """Another program in the same process: nothing is left of ours."""
    os.execv(sys.executable, [sys.executable, __file__, DIR])


def answer(line):
    name, _, arg = line.partition(" ")
    try:
        got = globals()["do_" + name](*arg.split())
        return "; ".join(wrong) or "done %s" % got
    except Exception as e:
        return "%s: %r" % (name, e)


if __name__ == "__main__":
    print("ready", flush=True)
    for line in iter(sys.stdin.readline, ""):
        if line == "quit\n":
            break
        print(answer(line.strip()), flush=True)
