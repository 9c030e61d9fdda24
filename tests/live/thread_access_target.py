"""Threads of all kinds, each of which says which PyThreadState it has:

	thread_access_target.py run|several|cell|end

Lines `ID STATE KNOWN` of threads, by their native ids, lines `code ADDRESS WORDS` of code
objects, with where their first RESUME is, and `end`; then a thread holds the GIL for good
(in a free-threaded build: is attached).  several: other interpreters run, too.
cell: `line N` for each frame that tracemalloc has of a cell, then that is allocated again,
which does not come to its end.  end: the interpreter ends, and waits in the middle.
"""
import ctypes
import dis
import os
import sys
import threading
import tracemalloc


get = ctypes.pythonapi.PyThreadState_Get
known = ctypes.pythonapi.PyGILState_GetThisThreadState
get.restype = known.restype = ctypes.c_void_p
SYS_gettid = 186


def tell(*words):
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def tell_thread():
    tell(ctypes.CDLL(None).syscall(SYS_gettid), get(), known())


def with_cells(a, b):
    return lambda: (a, b)


def generator(a):
    yield lambda: a


def tell_code(function):
    code = function.__code__
    resume = [i.offset // 2 for i in dis.get_instructions(code) if i.opname == "RESUME"]
    tell("code", id(code), resume[0] if resume else 0)


def sleeps():
    tell_thread()
    told.release()
    os.read(0, 1)


def nested(depth):
    if depth:
        nested(depth - 1)
    else:
        sleeps()


def in_generator():
    sleeps()
    yield


def holds():
    tell_thread()
    tell("end")
    ctypes.PyDLL(None).pause()


def many():
    for work in sleeps, lambda: nested(50), lambda: list(in_generator()), lambda: max([1], key=lambda _: sleeps()):
        threading.Thread(target=work, daemon=True).start()
        told.acquire()
    for function in with_cells, generator, tell_code:
        tell_code(function)
    tell_thread()
    threading.Thread(target=holds, daemon=True).start()
    os.read(0, 1)


def several():
    try:
        import _interpreters as interpreters
    except ImportError:
        import _xxsubinterpreters as interpreters
    run = getattr(interpreters, "exec", None) or interpreters.run_string
    blocks = "import os\ndef inner():\n    os.write(%d, b'.')\n    os.read(0, 1)\ninner()\n"
    end, begin = os.pipe()
    for number in range(3):
        one = interpreters.create()
        threading.Thread(target=run, args=(one, blocks % begin), daemon=True).start()
        os.read(end, 1)
    tell("end")
    run(interpreters.create(), blocks % begin)


def cell():
    others = ctypes.PyDLL(os.path.dirname(os.path.abspath(__file__)) + "/allocators_others.so")
    others.wait_at.restype = others.wait_at.argtypes = None
    others.install()
    tracemalloc.start(10)
    for last in False, True:
        if last:
            for frame in tracemalloc.get_object_traceback(made.__closure__[0]):
                tell("line", frame.lineno)
            tracemalloc.stop()
            tell("end")
            others.wait_at(ctypes.c_size_t(size))
        made = with_cells(1, 2)
        size = sys.getsizeof(made.__closure__[0])


class Last:
    def __del__(self, write=os.write, read=os.read):
        write(1, b"end\n")
        read(0, 1)


told = threading.Semaphore(0)
if sys.argv[1] == "end":
    sys.last_of_all = Last()
elif sys.argv[1] == "cell":
    cell()
elif sys.argv[1] == "several":
    several()
else:
    many()
