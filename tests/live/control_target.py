"""A target of the test `control`.

	control_target.py DIR

Reads lines on stdin, answers each with one line of JSON:
  state NAME    go there (no answer until it is left, by SIGUSR1, by the flag
                in DIR/flag or by a byte on stdin; then how it was)
  hammer N      N threads that do nothing but malloc, realloc and free
  alloc ROUND   allocate blocks that are recognised by their file name
  truth         what tracemalloc itself says: tracing, limit, those blocks
  objects       objects of many kinds: their ids and tracebacks
  domains       blocks of other domains: domain, address, size, traceback
  seccomp       have system calls watched by a filter from now on
  count SIG     count these in DIR/flag from now on
  subs make KIND N, subs run, subs close
                subinterpreters, sharing the allocator (legacy) or with their own
  forget N      N blocks whose file names nothing else knows any more
  quit
"""
import ctypes
import gc
import hashlib
import json
import mmap
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time

DIR = sys.argv[1]
lib = ctypes.CDLL(DIR + "/control.so")
held = ctypes.PyDLL(None)
with open(DIR + "/flag", "r+b") as f:
    flags = mmap.mmap(f.fileno(), 4096)
FLAG = (ctypes.c_char * 4096).from_buffer(flags)
STOP, ENTERED, STOP_HAMMER, COUNTER = (ctypes.byref(FLAG, i) for i in (0, 1, 2, 8))
for name, result in (("spin", ctypes.c_ulong), ("hammer_main", ctypes.c_ulong)):
    getattr(lib, name).restype = result


class Leave(Exception):
    pass


def leave(signum, frame):
    raise Leave


signal.signal(signal.SIGUSR1, leave)
blocks = {}


def busy():
    wrong = 0
    flags[1] = 1
    while True:
        text = b"%d" % 12345
        wrong += hashlib.md5(text).hexdigest() != "827ccb0eea8a706c4c34a16891f84e7b"
        if wrong:
            raise SystemExit("the computer is wrong")
        flags[3] = (flags[3] + 1) & 255


def sleeping():
    flags[1] = 1
    time.sleep(100000)


def selecting():
    flags[1] = 1
    select.select([], [], [])


def polling():
    pipe = os.pipe()
    poll = select.poll()
    poll.register(pipe[0])
    flags[1] = 1
    try:
        poll.poll()
    finally:
        os.close(pipe[0])
        os.close(pipe[1])


def acquiring():
    lock = threading.Lock()
    lock.acquire()
    flags[1] = 1
    lock.acquire(timeout=100000)


def communicating():
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        try:
            child.stdin, kept = None, child.stdin  # it stays open: nothing comes
            flags[1] = 1
            child.communicate()
        finally:
            child.kill()
            kept.close()


def accepting():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(1)
        server.settimeout(100000)
        flags[1] = 1
        server.accept()


CALLS = ("fcntl", "fifo", "write", "splice", "sigwait", "msgrcv", "futex", "futex_waitv")


STATES = {
    "sleep": sleeping,
    "select": selecting,
    "poll": polling,
    "acquire": acquiring,
    "communicate": communicating,
    "accept": accepting,
    "busy": busy,
    # Reads a byte with the GIL held: nothing else can run.
    "hold": lambda: (flags.__setitem__(1, 1),
                     held.read(0, ctypes.create_string_buffer(1), 1))[1],
    "spin": lambda: lib.spin(STOP, ENTERED),
    "malloc": lambda: lib.hammer_main(STOP, ENTERED),
    "handler": lambda: lib.wait_in_handler(ENTERED),
    "epoll": lambda: lib.wait_epoll(0, ENTERED),
    "cpoll": lambda: lib.wait_poll(0, 100000000, ENTERED),
    "nap": lambda: lib.wait_poll(-1, 1000, ENTERED),
}

for call in CALLS:
    STATES[call] = lambda call=call: lib.wait_in(call.encode(), (DIR + "/" + call).encode(), ENTERED)


def enter(name):
    flags[0] = flags[1] = 0
    try:
        return {"left": STATES[name]()}
    except Leave:
        return {"left": "signal"}


SOURCE = """
def grow(n, depth):
    if depth:
        return grow(n, depth - 1)
    return [bytes(1000 + i) for i in range(n)]

def more(n):
    return {i: bytearray(i * 50 + 1) for i in range(n)}
"""


def alloc(number):
    name = "<control-%d>" % number
    space = {}
    exec(compile(SOURCE, name, "exec"), space)
    blocks[number] = [space["grow"](50, d) for d in (0, 3, 9)] + [space["more"](40)]


def truth():
    import _tracemalloc
    gc.collect()
    traces = [t for t in (_tracemalloc._get_traces() if _tracemalloc.is_tracing() else [])
              if t[2][0][0].startswith("<control-")]
    return {"tracing": _tracemalloc.is_tracing(), "limit": _tracemalloc.get_traceback_limit(),
            "traces": [[t[0], t[1], t[3] if len(t) > 3 else None, [list(f) for f in t[2]]]
                       for t in traces]}


class Plain:
    def __init__(self):
        self.a = 1


class Slots:
    __slots__ = ("a", "b")


class SlotsWeak:
    __slots__ = ("a", "__weakref__")


class SlotsDict:
    __slots__ = ("a", "__dict__")


class Derived(dict):
    pass


class DerivedInt(int):
    pass


class DerivedStr(str):
    __slots__ = ()


class Error(Exception):
    pass


def generator():
    yield 1


def make_objects():
    base = 10 ** 30
    plain = Plain()
    plain.many = 1
    filled = SlotsDict()
    filled.x = 1
    made = [base + 7, 1.5 * base, "x" * 50 + str(base), "\u1234" * 20 + str(base), bytes(100000),
            bytearray(50), [1] * 9, (plain, 2), {1: 2}, {"a": base}, set("abc"), frozenset("abd"),
            Plain(), plain, Slots(), SlotsWeak(), SlotsDict(), filled, Derived(a=1), DerivedInt(7 ** 40),
            DerivedStr("y" * 99), Error("e"), generator(), lambda: 0, plain.__init__, object(),
            iter([1]), range(base), slice(1, base), complex(1, 2.5), memoryview(b"abc"),
            type("Fresh", (), {}), property(), gc, 5, None, "", ()]
    async def coroutine():
        pass
    coro = coroutine()
    made.append(coro)
    blocks["objects"] = made
    coro.close()
    return made


def objects():
    import tracemalloc
    answer = []
    for thing in make_objects():
        tb = tracemalloc.get_object_traceback(thing)
        answer.append([type(thing).__name__, id(thing),
                       tb and [[f.filename, f.lineno] for f in tb], tb and tb.format()])
    return answer


def domains():
    """Blocks that are no blocks: as numpy and others have theirs tracked."""
    import _tracemalloc
    track = ctypes.pythonapi.PyTraceMalloc_Track
    track.argtypes = [ctypes.c_uint, ctypes.c_size_t, ctypes.c_size_t]
    tracked = [(389047, 0x123450, 1000001), (7, 0x123460, 1000002), (4294967295, 0x123450 << 20, 1000003)]
    for block in tracked:
        if track(*block):
            raise SystemExit("not tracked")
    frames = {t[0]: [list(f) for f in reversed(t[2])] for t in _tracemalloc._get_traces() if t[1] > 1000000}
    return [block + (frames[block[0]],) for block in tracked]


def seccomp():
    """A filter that allows everything, as far as anybody outside knows."""
    allow = (ctypes.c_ushort * 4)(6, 0, 0, 0x7fff)  # BPF_RET | BPF_K, 0x7fff0000
    program = (ctypes.c_ulong * 2)(1, ctypes.addressof(allow))
    libc = ctypes.CDLL(None)
    none = ctypes.c_ulong(0)
    return (libc.prctl(38, ctypes.c_ulong(1), none, none, none) or  # PR_SET_NO_NEW_PRIVS
            libc.prctl(22, ctypes.c_ulong(2), program))             # PR_SET_SECCOMP


def subinterpreters():
    for name in "_interpreters", "_xxsubinterpreters":
        try:
            return __import__(name)
        except ImportError:
            pass
    return None


SUBS = []
SUB_CODE = """
kept = []
for n in range(30):
    space = {}
    exec(compile("blocks = [bytes(900 + i) for i in range(50)]", "<in a subinterpreter %d>" % n, "exec"), space)
    kept.append(space["blocks"])
import json, re
"""


def subs(what, kind="", n="0"):
    """None: this interpreter has none of the kind."""
    module = subinterpreters()
    if module is None or (kind == "own" and sys.version_info < (3, 12)):
        return None
    for _ in range(int(n)):
        if sys.version_info >= (3, 13):
            SUBS.append(module.create("isolated" if kind == "own" else "legacy"))
        elif sys.version_info >= (3, 12):
            SUBS.append(module.create(isolated=kind == "own"))
        else:
            SUBS.append(module.create())
    if what == "run":
        for sub in SUBS:
            (module.run_string if hasattr(module, "run_string") else module.exec)(sub, SUB_CODE)
    while what == "close" and SUBS:
        module.destroy(SUBS.pop())
    return len(SUBS)


def forget(n):
    for i in range(int(n)):
        space = {}
        exec(compile("blocks = [bytes(900 + i) for i in range(50)]", "<forgotten %d>" % i, "exec"), space)
        blocks["forgotten", i] = space["blocks"]
        del space
    return len(gc.get_objects())


COMMANDS = {"subs": subs, "forget": forget, "domains": domains, "seccomp": seccomp, "state": enter, "hammer": lambda n: lib.hammer_start(int(n), STOP_HAMMER),
            "alloc": lambda n: alloc(int(n)), "truth": truth,
            "objects": objects, "count": lambda n: lib.count_signals(int(n), COUNTER)}


def main():
    print("ready", flush=True)
    for line in iter(sys.stdin.buffer.raw.readline, b""):
        words = line.decode().split()
        if not words:  # what a state was left by
            continue
        if words[0] == "quit":
            break
        try:
            answer = COMMANDS[words[0]](*words[1:])
        except Leave:
            answer = "left late"
        print(json.dumps(answer), flush=True)
    flags[2] = 1
    while lib.hammer_left():
        time.sleep(0.001)


main()
