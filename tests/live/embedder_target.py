"""What the programs of the test `embedders` have to say, in their own Python.

answer(WORDS) does what it is told and returns a line of JSON:
  leak N SIZE   N blocks more that are kept, each of this size, and its buffer
  burst SIZE    one block, freed at once
  truth [SIZE]  what tracemalloc itself says: tracing, limit, peak, the traces of
                the line that leaks (or those of SIZE)
  wait SOCKET   tell there which thread this is and what its Python frames are;
                go on when it is closed
  start N       trace, by a call of its own
  stop          and no longer
"""
import json
import os
import socket
import sys
import threading
import tracemalloc

kept = []


def leak(count, size):
    for _ in range(int(count)):
        kept.append(bytearray(int(size)))  # the leak


def burst(size):
    bytearray(int(size))


# The file and the line that leak, for a program that leaks by other means.
leaks_at = [__file__, leak.__code__.co_firstlineno + 2]


def truth(size=None):
    said = {"pid": os.getpid(), "tracing": tracemalloc.is_tracing(),
            "limit": tracemalloc.get_traceback_limit(), "leaks_at": leaks_at}
    if said["tracing"]:
        said["peak"] = tracemalloc.get_traced_memory()[1]
        traces = tracemalloc.take_snapshot().traces
        if not size:
            path, line = leaks_at
            traces = (t for t in traces if (t.traceback[-1].filename, t.traceback[-1].lineno) == (path, line))
        said["leak"] = [[t.size, [[f.filename, f.lineno] for f in t.traceback]]
                        for t in traces if t.size == int(size or t.size)]
    return said


def here():
    """The thread and its Python frames, the oldest first, without this one."""
    frames, frame = [], sys._getframe(1)
    while frame:
        code = frame.f_code
        name = getattr(code, "co_qualname", code.co_name)  # from 3.11 on
        frames.insert(0, [code.co_filename, frame.f_lineno, name])
        frame = frame.f_back
    return json.dumps([threading.get_native_id(), frames]).encode()


def wait(path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.connect(path)
        return listener.sendall(here()) or len(listener.recv(1))


DO = {"leak": leak, "burst": burst, "truth": truth, "wait": wait,
      "start": lambda n: tracemalloc.start(int(n)), "stop": tracemalloc.stop}


def answer(words):
    word, *rest = words.split()
    return json.dumps(DO[word](*rest))


def listen(path):
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen()
    return server


def answer_one(server):
    """Answers the next one who asks; false if that was the last."""
    client = server.accept()[0]
    with client:
        words = client.recv(4096).decode()
        client.sendall(b"null" if words == "end" else answer(words).encode())
    return words != "end"


def serve(path):
    with listen(path) as server:
        while answer_one(server):
            pass
