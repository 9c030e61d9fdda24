"""The program that tests/live/census looks at: a heap with every common shape.

It prints "ready PID" and waits for a line on stdin. For "twin FILE" it forks, and
the child writes what it knows about the heap of that instant to FILE. It says
"done" and stays until stdin ends, and its parent, which waits for it, does nothing
that would change its heap.
"""
import gc
import os
import sys
import array
import collections
import contextvars
import ctypes
import datetime
import decimal
import enum
import functools
import re
import threading
import types
import warnings
import weakref

LONG = len(sys.argv) > 1 and sys.argv[1] == "long"


class Plain:
    def __init__(self, i):
        self.number = i
        self.text = "text %d" % i
        self.more = [i, i + 1]


class Slots:
    __slots__ = ("a", "b", "__weakref__")

    def __init__(self, i):
        self.a = i
        self.b = str(i)


class SubList(list):
    pass


class SubDict(dict):
    __slots__ = ("extra",)


class SubInt(int):
    pass


class SubStr(str):
    pass


class SubTuple(tuple):
    pass


class Colour(enum.Enum):
    RED = 1
    GREEN = 2


Point = collections.namedtuple("Point", "x y")


@functools.lru_cache(maxsize=300)
def cached(i):
    return str(i) * 2


def generator(n):
    held = [n] * 3
    for i in range(n):
        yield held, i


async def coroutine(n):
    await sleeping(n)


@types.coroutine
def sleeping(n):
    local = {"n": n}
    yield local


def closure(n):
    inside = [n]

    def inner():
        return inside
    return inner


def raising(n):
    try:
        raise ValueError("number %d" % n)
    except ValueError as error:
        return error


def materialise(i):
    plain = Plain(i)
    plain.__dict__["late"] = i
    return plain


def make():
    kept = {
        "plain": [Plain(i) for i in range(3000)],
        "dicts": [materialise(i) for i in range(500)],
        "slots": [Slots(i) for i in range(1000)],
        "lists": [SubList(range(i % 20)) for i in range(300)],
        "subdicts": [SubDict(a=i) for i in range(300)],
        "ints": [SubInt(i + 10 ** 20) for i in range(200)],
        "strs": [SubStr("x%d" % i) for i in range(200)],
        "tuples": [SubTuple((i, str(i))) for i in range(200)],
        "sets": [set(str(k) for k in range(i % 40)) for i in range(300)],
        "frozen": [frozenset((i, str(i))) for i in range(200)],
        "deques": [collections.deque(map(str, range(i))) for i in range(150)],
        "rotated": collections.deque(map(str, range(1000)), maxlen=500),
        "odicts": [collections.OrderedDict((str(k), k) for k in range(i % 30))
                   for i in range(100)],
        "default": collections.defaultdict(list, {str(i): [i] for i in range(100)}),
        "points": [Point(i, str(i)) for i in range(300)],
        "cached": [cached(i) for i in range(400)],
        "generators": [generator(5) for i in range(100)],
        "coroutines": [coroutine(i) for i in range(50)],
        "closures": [closure(i) for i in range(200)],
        "errors": [raising(i) for i in range(100)],
        "decimals": [decimal.Decimal(i) / 7 for i in range(100)],
        "times": [datetime.datetime(2020, 1, 1 + i % 28) for i in range(100)],
        "zoned": [datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)],
        "patterns": [re.compile("a{%d}b" % i) for i in range(40)],
        "views": [memoryview(bytearray(b"%d" % i * 50)) for i in range(50)],
        "arrays": [array.array("d", range(i)) for i in range(50)],
        "wide": ["\u20ac%d" % i for i in range(200)] + ["\U0001f600%d" % i for i in range(200)],
        "bytes": [b"%d" % i * 100 for i in range(200)],
        "floats": [i / 7 for i in range(2000)],
        "large": {str(i): (i, float(i)) for i in range(20000)},
        "intkeys": {i * 1000: [i] for i in range(3000)},
        "nested": functools.reduce(lambda inner, i: [inner, i], range(2000), []),
        "bound": [Plain(1).__init__ for i in range(100)],
        "partial": [functools.partial(print, i) for i in range(100)],
        "colours": list(Colour),
        "huge": [None] * 300000,
        "vast": bytes(40 << 20),
        "tuple": tuple(str(i) for i in range(200000 if LONG else 20000)),
    }
    kept["weak"] = [weakref.ref(plain) for plain in kept["plain"][:200]]
    kept["proxies"] = weakref.WeakValueDictionary(enumerate(kept["plain"][:200]))
    for one in kept["generators"][:50]:
        next(one)
    for one in kept["coroutines"][:25]:
        one.send(None)
    for i in range(300):
        kept["rotated"].append(str(i))
    kept["wide"][5].encode()
    hash(kept["wide"][6])
    context = contextvars.copy_context()
    context.run(contextvars.ContextVar("variable").set, [1, 2, 3])
    kept["context"] = context
    holes = [object() for i in range(3000)]
    del holes[::2]
    kept["holes"] = holes
    return kept


def twin(path):
    """What the interpreter says about the heap. Objects that this makes are told,
    too, unless they are ended when it writes: whoever compares finds no block
    where they are."""
    write, names, seen, own = [], {}, set(), set()
    todo = gc.get_objects()
    own.update(map(id, (todo, write, names, seen, own, sys._getframe())))
    while todo:
        one = todo.pop()
        at = id(one)
        if at in seen or at in own:
            continue
        seen.add(at)
        names[id(type(one))] = type(one)
        below = gc.get_referents(one)
        write.append("%d %d %d %d %s\n" % (at, id(type(one)), sys.getsizeof(one, 0),
                                           gc.is_tracked(one), " ".join(map(str, map(id, below)))))
        todo.extend(below)
    with open(path, "w") as file:
        for at, kind in names.items():
            module, name = kind.__module__, kind.__qualname__
            file.write("type %d %s\n" % (at, name if module == "builtins"
                                         else "%s.%s" % (module, name)))
        for one in with_names():
            file.write("named %d %s\n" % (id(one[0]), one[1]))
        file.writelines(write)


def with_names():
    yield decimal.ExtendedContext, "decimal.ExtendedContext"
    for one in warnings.filters:
        if isinstance(one[3], str):
            yield one[3], repr(one[3])
    for one in gc.get_objects():
        if isinstance(one, types.ModuleType):
            yield one, one.__name__


def waiting(event, held):
    local = {"in": "a thread", "held": held}
    event.wait()
    return local


def elsewhere():
    """Objects of a thread that has ended, and memory that another one has given back."""
    kept, mine = [], [Plain(i) for i in range(4000)]

    def make():
        kept.extend(Plain(i) for i in range(2000))
        kept.extend([None] * 40000 for i in range(3))

    def give_back():
        del mine[::2]

    for target in make, give_back:
        thread = threading.Thread(target=target)
        thread.start()
        thread.join()
    return kept, mine


def rests(thread):
    """Does it wait for what does not come? In a free-threaded build a child waits for
    ever for a thread that did not rest when it was forked; else none runs then."""
    if getattr(sys, "_is_gil_enabled", lambda: True)():
        return True
    with open("/proc/self/task/%d/stat" % thread.native_id) as f:
        return f.read().rpartition(")")[2].split()[0] == "S"


def main():
    fork = ctypes.PyDLL(None).fork
    gc.collect()
    kept = make(), elsewhere()
    event = threading.Event()
    threads = [threading.Thread(target=waiting, args=(event, [i]), daemon=True) for i in range(3)]
    for thread in threads:
        thread.start()
    while not all(map(rests, threads)):
        os.sched_yield()
    del threads, thread
    gc.collect()
    print("ready", os.getpid(), flush=True)
    for line in sys.stdin:
        path = line.split()[1]
        # Not os.fork(), after which Python makes locks anew in the child.
        if fork() == 0:
            try:
                twin(path)
                os.write(1, b"done\n")
                while os.read(0, 100):
                    pass
            finally:
                os._exit(0)
        os.wait()
    return kept


main()
