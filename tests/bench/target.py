"""The target of the benchmark: TRACES live traces at NFRAME, made the way
programs make them: layers of functions in several files that call each other,
thousands of distinct tracebacks, blocks of mixed sizes.

	target.py DIR TRACES NFRAME [quiet]

With "quiet" no thread reads the clock, and there are no gaps to tell.

Answers one line to each line on stdin: reset, gap, snapshot, group, dump FILE,
burn SECONDS. Times in seconds; burn answers rounds in a second, and in a second
less the time that it waited for a processor while others had it."""
import ctypes
import gc
import random
import sys
import time
import tracemalloc

lib = ctypes.CDLL(sys.argv[1] + "/gaps.so")
lib.gaps_largest.restype = ctypes.c_uint64

LAYERS = 6
WIDTH = 12
BLOCKS = {  # what a leaf makes, and how many traces that is
    0: ("bytes(40 + n % 200)", 1),
    1: ("str(n) * (n % 6 + 2)", 1),
    2: ("(n, None)", 2),
    3: ("{'id': None}", 2),
    4: ("bytearray(n % 900 + 1)", 2),
    5: ("[None] * (n % 30 + 1)", 2),
}


def make_layers():
    """Functions layer by layer; each calls one of the next by the path."""
    scope = {"kept": []}
    for layer in range(LAYERS - 1, -1, -1):
        for i in range(WIDTH):
            if layer == LAYERS - 1:
                body = "    kept.append(%s)\n" % BLOCKS[i % len(BLOCKS)][0]
            else:
                body = "".join("    %s path[%d] == %d:\n        f%d_%d(path, n)\n" % (
                    "if" if j == 0 else "elif", layer, j, layer + 1, j) for j in range(WIDTH))
            source = "\n" * (i * 40) + "def f%d_%d(path, n):\n%s" % (layer, i, body)
            name = "/srv/app/layer%d/module%d.py" % (layer, i % 5)
            exec(compile(source, name, "exec"), scope)
    return scope


def fill(traces):
    scope = make_layers()
    rng = random.Random(1)
    paths = [tuple(rng.randrange(WIDTH) for _ in range(LAYERS)) for _ in range(4000)]
    made = n = 0
    while made < traces:
        path = paths[n % len(paths)]
        scope["f0_%d" % path[-1]](path, n)
        made += BLOCKS[path[LAYERS - 2] % len(BLOCKS)][1]
        n += 1
    return scope


def timed(work):
    start = time.perf_counter()
    result = work()
    seconds = time.perf_counter() - start
    del result
    return "%.6f" % seconds


def waited():
    """Seconds this thread has been ready to run and was not let."""
    with open("/proc/thread-self/schedstat") as f:
        return int(f.read().split()[1]) / 1e9


def burn(seconds):
    """Bytecode that makes and drops objects, as programs do."""
    rounds = 0
    delay = waited()
    start = now = time.perf_counter()
    while now - start < seconds:
        for i in range(200):
            {"a": [i, str(i)]}
        rounds += 1
        now = time.perf_counter()
    delay = waited() - delay
    return "%.3f %.3f" % (rounds / (now - start), rounds / (now - start - delay))


def answer(words):
    if words[0] == "reset":
        lib.gaps_reset()
        return "0"
    if words[0] == "gap":
        return "%.9f" % (lib.gaps_largest() / 1e9)
    if words[0] == "snapshot":
        return timed(tracemalloc.take_snapshot)
    if words[0] == "group":
        return timed(lambda: tracemalloc.take_snapshot().statistics("lineno"))
    if words[0] == "dump":
        return timed(lambda: tracemalloc.take_snapshot().dump(words[1]))
    if words[0] == "burn":
        return burn(float(words[1]))
    raise SystemExit("what is %r?" % words)


def main():
    tracemalloc.start(int(sys.argv[3]))
    gc.disable()  # only to be ready sooner
    kept = fill(int(sys.argv[2]))
    gc.enable()
    if sys.argv[4:] != ["quiet"] and lib.gaps_start():
        raise SystemExit("no thread")
    print("ready")
    sys.stdout.flush()
    for line in sys.stdin:
        print(answer(line.split()))
        sys.stdout.flush()
    del kept


if __name__ == "__main__":
    main()
