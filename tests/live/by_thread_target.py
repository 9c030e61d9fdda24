"""Threads that take known amounts, one after the other. The last one ends at once, the second
when it is told to; says then how those are called that are left. Others follow, a block each:
so many at once as the first argument says, then one for each line, which is its name."""
import json
import sys
import threading

kept = []
taken = threading.Semaphore(0)
go_on = threading.Event()
forever = threading.Event()


class Named(threading.Thread):
    """Its attributes are in a dict of its own, where Python else spares it one."""

    def __init__(self, **kw):
        threading.Thread.__init__(self, **kw)
        self.__dict__["more"] = 1


def take(n, then):
    kept.append([bytes(1000) for i in range(n)])
    taken.release()
    then and then.wait()


def tell(word):
    print(word, json.dumps({t.ident: t.name for t in threading.enumerate()}), flush=True)
    sys.stdin.readline()


tell("ready")
threads = [threading.Thread(target=take, args=(100, forever), daemon=True),
           Named(target=take, args=(300, go_on), daemon=True, name="caf\u00e9 \u2615\ttwo"),
           threading.Thread(target=take, args=(700, None), name="n" * 200 + "\u00e9")]
for thread in threads:
    thread.start()
    taken.acquire()
threads[2].join()
tell("done")
go_on.set()
threads[1].join()
tell("fewer")


def follow(name, until):
    end = threading.Event()
    thread = threading.Thread(target=take, args=(1, end), name=name)
    thread.start()
    taken.acquire()
    until()
    end.set()
    thread.join()
    return thread.ident


print("followed", len({follow("follower", int) for i in range(int(sys.argv[1]))}), flush=True)
for line in iter(sys.stdin.readline, ""):
    follow(line.strip(), lambda: print("follows", flush=True) or sys.stdin.readline())
