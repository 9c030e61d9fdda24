"""Stand still in many kinds of Python frames; print what they are as JSON.

Every thread but the one that prints stays where it is from then on.
"""
import asyncio
import functools
import json
import sys
import threading
import time

gate = threading.Lock()
gate.acquire()
names = {}


def stay():
    with gate:
        pass


def generator(depth):
    if depth:
        for item in generator(depth - 1):
            yield item
    yield stay()


class Thing:
    def __getattr__(self, name):
        return (lambda: [stay() for _ in "x"])()

    def __lt__(self, other):
        return stay()


def decorated(function):
    @functools.wraps(function)
    def wrapper(*args):
        return function(
            *args
        )
    return wrapper


@decorated
def long_way(n):
    # A line table that needs more than one byte per step.
    if n:





        return (long_way(
            n - 1)
            + 1)
    exec("x = 1\n" * 700 + "stay()\n", {"stay": stay})


async def inner():
    stay()


async def outer():
    await inner()


def in_class_body():
    class Local:
        value = stay()


def in_except():
    try:
        raise ValueError
    except ValueError:
        stay()
    finally:
        pass


WAYS = [
    stay,
    lambda: list(generator(5)),
    lambda: Thing().missing,
    lambda: sorted([Thing(), Thing()]),
    lambda: long_way(40),
    lambda: asyncio.run(outer()),
    in_class_body,
    in_except,
]


def frames_of(frame):
    """newest first"""
    result = []
    while frame:
        code = frame.f_code
        result.append([code.co_filename, frame.f_lineno,
                       getattr(code, "co_qualname", code.co_name)])
        frame = frame.f_back
    return result


def show(idents):
    # Everybody is in stay(), in the `with` that cannot go on.
    while True:
        now = sys._current_frames()
        tops = [now.get(i) for i in idents]
        if all(f and f.f_code is stay.__code__ for f in tops):
            break
        time.sleep(0)
    print(json.dumps({str(i): frames_of(now[i]) for i in idents}), flush=True)
    # This thread is not compared; it must not run on.
    gate.acquire()


threads = [threading.Thread(target=way, daemon=True) for way in WAYS]
for thread in threads:
    thread.start()
idents = [t.ident for t in threads] + [threading.main_thread().ident]
threading.Thread(target=show, args=(idents,), daemon=True).start()
stay()
