"""Allocates in functions of every kind. What a line's allocations are said to be in
stands behind "#=", with " | " where versions differ."""
import dis
import functools
import gc
import json
import re
import sys
import tracemalloc

keep = []


class Outer:
    class Inner:
        def method(self):
            keep.append(bytearray(1000))  #= Outer.Inner.method

            def nested():
                keep.append(bytearray(2000))  #= Outer.Inner.method.<locals>.nested
                return [bytearray(10) for _ in range(3)]  #= Outer.Inner.method.<locals>.nested | Outer.Inner.method.<locals>.nested.<locals>.<listcomp>
            keep.append(nested())  #= Outer.Inner.method
            (lambda: keep.append(bytearray(3000)))()  #= Outer.Inner.method.<locals>.<lambda>

    @staticmethod
    def static():
        keep.append(bytearray(4000))  #= Outer.static

    kept = bytearray(50)


def wrapping(function):
    @functools.wraps(function)
    def wrapper(*args):
        keep.append(bytearray(100))  #= wrapping.<locals>.wrapper
        return function(*args)
    return wrapper


@wrapping
def wrapped():
    keep.append(bytearray(5000))  #= wrapped


def generator():
    yield bytearray(600)  #= generator


def make():
    global made

    def made():
        keep.append(bytearray(700))  #= made

    class Local:
        def method(self):
            keep.append(bytearray(800))  #= make.<locals>.Local.method

        keep.append(bytearray(44))  #= make.<locals>.Local
    Local().method()


def one_line(): return (lambda: bytearray(92))()  #= one_line.<locals>.<lambda>


async def coroutine():
    keep.append(bytearray(900))  #= coroutine


def run():
    make()
    made()
    Outer.Inner().method()
    Outer.static()
    wrapped()
    keep.extend(generator())
    keep.append(one_line())
    try:
        coroutine().send(None)
    except StopIteration:
        pass
    # Two functions of one line that are not nested: nobody can tell.
    texts = "def a():\n    return bytearray(77)\n", "def b():\n    return bytearray(78)\n"
    for text in texts:
        names = {}
        exec(text, names)
        keep.append((names, names[text[4]]()))


def codes():
    """All of this program's: of functions, their constants, and frames."""
    found, todo = {}, [o.__code__ for o in gc.get_objects() if type(o) is type(codes)]
    frame = sys._getframe()
    while frame:
        todo.append(frame.f_code)
        frame = frame.f_back
    while todo:
        code = todo.pop()
        if id(code) not in found:
            found[id(code)] = code
            todo += [c for c in code.co_consts if type(c) is type(code)]
    return found.values()


def lines_of(code):
    if hasattr(code, "co_lines"):
        return {line for _, _, line in code.co_lines() if line}
    return {line for _, line in dis.findlinestarts(code)}


def described():
    return [(c.co_filename, getattr(c, "co_qualname", c.co_name), c.co_firstlineno,
             sorted(lines_of(c))) for c in codes()]


tracemalloc.start(25)
run()
dead = re.compile("(a|b)*c")
print("ready", flush=True)
sys.stdin.readline()
print(json.dumps(described()), flush=True)
sys.stdin.readline()
