"""A process that notices children, signals and interrupted calls.

	frozen_target.py DIR WHAT[,WHAT...] MEGABYTES

Prints "ready"; four threads work until it reads a line; then it prints how
many of their answers were wrong and how many things it noticed."""
import ctypes
import sys
import threading
import tracemalloc

lib = ctypes.CDLL(sys.argv[1] + "/frozen.so", use_errno=True)
lib.frozen_end.restype = ctypes.c_long
blockers = ctypes.CDLL(sys.argv[1] + "/blockers.so")
what = [w for w in sys.argv[2].split(",") if w]

stop = threading.Event()
wrong = [0] * 4
beats = [0] * 4


def work(n):
    while not stop.is_set():
        data = {i: [str(i)] for i in range(200)}
        if sum(len(v[0]) for v in data.values()) != 490:
            wrong[n] += 1
        beats[n] += 1


def main():
    ballast = [bytearray(1 << 20) for i in range(int(sys.argv[3]))]
    for piece in ballast:
        piece[::4096] = b"x" * 256
    tracemalloc.start(5)
    kept = [[object() for i in range(20)] for j in range(500)]
    if "blocked" in what and blockers.blockers_start():
        sys.exit("blockers_start() failed")
    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for name in what:
        if name != "blocked" and getattr(lib, "frozen_" + name)():
            sys.exit("%s: errno %d" % (name, ctypes.get_errno()))
    print("ready")
    sys.stdout.flush()
    for line in sys.stdin:
        if line != "beats\n":
            break
        print("beats %d" % sum(beats))
        sys.stdout.flush()
    disturbed = blockers.blockers_stop() if "blocked" in what else 0
    stop.set()
    for thread in threads:
        thread.join()
    print("wrong %d, disturbed %d, noticed %d, kept %d"
          % (sum(wrong), disturbed, lib.frozen_end(), len(kept)))


if __name__ == "__main__":
    main()
