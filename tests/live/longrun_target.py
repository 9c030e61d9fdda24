"""Python threads that allocate and free without end, for long runs.

	longrun_target.py THREADS

For each line of its standard input it keeps one more block of 1000 bytes,
and says so; when that is closed it prints "ok ROUNDS" or "bad"."""
import sys
import threading
import tracemalloc

done = threading.Event()
rounds, bad = [], []


def turn(kept, rng):
    """What a slot holds says which slot it is."""
    key = (rng >> 8) % 5000
    old = kept.get(key)
    if old and old[0] != bytes([key & 255]) * len(old[0]):
        bad.append(key)
    kept[key] = (bytes([key & 255]) * (1 + (rng >> 4) % 900), [key] * (rng % 9))


def work(n, rng):
    kept = {}
    while not done.is_set():
        for _ in range(500):
            rng = (rng * 1103515245 + 12345) & 0x7fffffff
            turn(kept, rng)
        rounds[n] += 1


def main():
    everything = []
    tracemalloc.start(5)
    rounds.extend([0] * int(sys.argv[1]))
    threads = [threading.Thread(target=work, args=(n, n + 1)) for n in range(len(rounds))]
    for thread in threads:
        thread.start()
    print("ready", flush=True)
    for _ in sys.stdin:
        block = bytes(967)  # kept
        everything.append(block)
        print("kept", flush=True)
    done.set()
    for thread in threads:
        thread.join()
    print("bad %d" % len(bad) if bad else "ok %d" % sum(rounds))


if __name__ == "__main__":
    main()
