"""Four threads that allocate and free as hard as they can, and one that
checks the answers.

	storm_target.py DIR NFRAME

Prints "ready", works until it reads a line, then prints how many units of
work were right and wrong, and what its blocked C threads saw."""
import ctypes
import signal
import sys
import threading
import tracemalloc
import zlib

lib = ctypes.CDLL(sys.argv[1] + "/storm.so")
lib.storm_raw.restype = ctypes.c_uint64
lib.storm_raw.argtypes = [ctypes.c_uint, ctypes.c_uint64]
blockers = ctypes.CDLL(sys.argv[1] + "/blockers.so")

children = []  # one entry per SIGCHLD; this program never has a child
stop = threading.Event()
right = [0] * 4
wrong = [0] * 4


def raw_unit():
    return lib.storm_raw(4000, 12345)


def nest(depth):
    if depth:
        return nest(depth - 1)
    return sum(len(str(i) * 3) for i in [bytearray(n % 700) for n in range(300)])


def python_unit():
    data = {i: [str(i), (i, i)] for i in range(500)}
    return sum(len(v[0]) for v in data.values()) + sum(nest(d) for d in (0, 3, 17))


def zlib_unit():
    text = b"".join(b"%d " % i for i in range(20000))
    packed = zlib.compress(text, 1)  # releases the GIL
    return zlib.crc32(zlib.decompress(packed)) + len(packed)


def worker(n, unit, expected):
    while True:
        if unit() == expected:
            right[n] += 1
        else:
            wrong[n] += 1
        if stop.is_set():
            return


def main():
    units = [raw_unit, raw_unit, python_unit, zlib_unit]
    expected = [unit() for unit in units]
    tracemalloc.start(int(sys.argv[2]))
    kept = [[object() for i in range(20)] for j in range(500)]
    signal.signal(signal.SIGCHLD, lambda number, frame: children.append(number))
    if blockers.blockers_start():
        sys.exit("blockers_start() failed")
    threads = [threading.Thread(target=worker, args=(n, unit, expected[n]))
               for n, unit in enumerate(units)]
    for thread in threads:
        thread.start()
    print("ready")
    sys.stdout.flush()
    sys.stdin.readline()
    disturbed = blockers.blockers_stop()
    stop.set()
    for thread in threads:
        thread.join()
    print("right %d, wrong %d, disturbed %d, sigchld %d, kept %d"
          % (sum(right), sum(wrong), disturbed, len(children), len(kept)))


if __name__ == "__main__":
    main()
