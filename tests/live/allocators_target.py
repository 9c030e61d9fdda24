"""Says which allocators this interpreter has, and shows where they are: each context of
functions that use none becomes one of MARKS.

	allocators_target.py mark|leave|trace|OTHERS.so
"""
import ctypes
import sys
import tracemalloc

MARKS = (0x7a11, 0x7a22, 0x7a33)
WORDS = ("ctx", "malloc", "calloc", "realloc", "free")


class Allocator(ctypes.Structure):
    _fields_ = [(word, ctypes.c_void_p) for word in WORDS]


def allocator(domain):
    ret = Allocator()
    ctypes.pythonapi.PyMem_GetAllocator(domain, ctypes.byref(ret))
    return ret


def main():
    if sys.argv[1].endswith(".so"):
        others = ctypes.PyDLL(sys.argv[1])  # not freed
        others.install()
    if sys.argv[1] == "trace":
        tracemalloc.start()
    for domain, mark in enumerate(MARKS):
        one = allocator(domain)
        if sys.argv[1] == "mark":
            one.ctx = mark
            ctypes.pythonapi.PyMem_SetAllocator(domain, ctypes.byref(one))
    for domain in range(len(MARKS)):
        print(*[getattr(allocator(domain), word) or 0 for word in WORDS])
    print("end", flush=True)
    sys.stdin.read()


main()
