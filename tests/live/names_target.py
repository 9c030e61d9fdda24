"""Objects of classes A to K, each held in a way that has a name in Python."""
import sys


class Cache:
    def __init__(self):
        self.first = None
        self.store = {}
        self.later = None


class Slots:
    __slots__ = ("key",)


class A: pass
class B: pass
class C: pass
class D: pass
class E: pass
class F: pass
class G: pass
class J: pass
class K: pass
class Inner:
    class H: pass


cache = Cache()                  # a name that is a static string since 3.11
for i in range(1000):
    cache.store["k%d" % i] = A()
cache.first = B()
unusual_name = Cache()
unusual_name.later = C()
vars(unusual_name)["store"] = D()  # its __dict__ is an object now
numbers = {5: E(), 100000: None}   # a static integer since 3.11
slots = Slots()
slots.key = F()
# Its table is read by the mebibyte, and a piece begins between these keys (of the one
# until 3.10, of the other then) and their values.
many = dict.fromkeys(range(200000))
many[87379] = J()
many[131070] = K()


def generate():
    name = G()
    yield name


held = generate()
next(held)


def wait():
    value = Cache()
    value.first = Inner.H()
    print("ready", hex(id(slots)), flush=True)
    sys.stdin.readline()


wait()
