"""A target of the test `merged`: Python functions that C functions of all kinds call.

	merged_target.py

Commands, one a line; each is answered by "done":
  nest N     N rounds; what they allocate is kept
  threads N  the same in four threads at once
  take N     N blocks each, of Python and of C; give: they are let go
  stand      a block of 54321 bytes is taken where C and Python have called each other;
             there the program waits for a line
"""
import asyncio
import ctypes
import functools
import itertools
import json
import pickle
import re
import sys
import threading

kept = []
libc = ctypes.CDLL(None)
malloc, realloc, free = libc.malloc, libc.realloc, libc.free
malloc.argtypes, malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
realloc.argtypes, realloc.restype = [ctypes.c_void_p, ctypes.c_size_t], ctypes.c_void_p
free.argtypes, free.restype = [ctypes.c_void_p], None


def keep(i, size=100):
    kept.append(b"k" * (size + i % 50))
    return i


def key(i):
    return keep(-i)


class Odd(object):
    """Everything that it is asked allocates."""

    def __init__(self, i):
        self.i = i

    def __lt__(self, other):
        return keep(self.i) < other.i

    def __eq__(self, other):
        return keep(self.i) == other.i

    def __hash__(self):
        return keep(self.i)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return keep(len(name))

    def __reduce__(self):
        return (Odd, (keep(self.i),))

    def __index__(self):
        return keep(self.i)

    def __iter__(self):
        yield keep(self.i)
        yield from (keep(j) for j in range(2))

    def __enter__(self):
        keep(self.i)

    def __exit__(self, *error):
        keep(self.i)

    def __del__(self):
        keep(self.i)


async def waits(i):
    await asyncio.sleep(0)
    return keep(i)


async def tasks():
    return await asyncio.gather(*[waits(i) for i in range(5)])


def by_asyncio():
    loop = asyncio.new_event_loop()
    loop.run_until_complete(tasks())
    loop.close()


def nest(n):
    for i in range(n):
        sorted([3, 1, 2], key=key)
        sorted([Odd(3), Odd(1), Odd(2)])
        list(map(key, itertools.chain(Odd(i), filter(key, [1, 2]))))
        functools.reduce(lambda a, b: keep(a + b), range(5))
        re.sub("a", lambda m: str(keep(i)), "aba")
        json.dumps([Odd(i)], default=lambda o: keep(o.i))
        json.loads('{"a": {"b": 1}}', object_hook=lambda o: keep(i))
        pickle.loads(pickle.dumps([Odd(i), Odd(i)]))
        {Odd(i): Odd(i), Odd(i): 1}
        [1, 2, 3][Odd(1)]
        Odd(i).attribute
        with Odd(i):
            max([Odd(1), Odd(2)], key=lambda o: keep(o.i))
        try:
            list(map(lambda o: keep(o.i) // 0, [Odd(i)]))
        except ZeroDivisionError:
            keep(i)
        range(Odd(i), Odd(i))
        if i % 10 == 0 and threading.current_thread() is threading.main_thread():
            by_asyncio()
        del kept[:-2000]


def stand_here(x):
    kept.append(b"s" * (54321 - sys.getsizeof(b"")))
    print("standing", flush=True)
    sys.stdin.readline()
    return x


def do_stand():
    def middle(match):
        return str(sorted([1], key=stand_here))

    def outer(x):
        return re.sub("a", middle, "a")
    list(map(outer, [7]))


def of_python(n):
    kept.append([b"p" * (54321 - sys.getsizeof(b"")) for _ in range(n)])


def of_c(n):
    for _ in range(n):
        kept.append(malloc(54322))


def of_c_moved(n):
    for _ in range(n):
        kept.append(realloc(malloc(10), 54323))


def do_take(n):
    """Blocks of Python, of 54321 bytes, and of C, of 54322 and 54323."""
    of_python(int(n))
    of_c(int(n))
    of_c_moved(int(n))


def do_give():
    for at in kept:
        if isinstance(at, int):
            free(at)
    del kept[:]


def do_threads(n):
    threads = [threading.Thread(target=nest, args=(int(n),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def do_nest(n):
    nest(int(n))


if __name__ == "__main__":
    print("ready", flush=True)
    for line in iter(sys.stdin.readline, ""):
        name, _, arg = line.strip().partition(" ")
        globals()["do_" + name](*arg.split())
        print("done", flush=True)
