"""Threads that take known amounts, one after the other; the last one ends."""
import sys
import threading

kept = []
taken = threading.Semaphore(0)
forever = threading.Event()


def take(n):
    kept.append([bytes(1000) for i in range(n)])
    taken.release()
    if n != 700:
        forever.wait()


print("ready", flush=True)
sys.stdin.readline()
threads = [threading.Thread(target=take, args=(n,), daemon=True) for n in (100, 300, 700)]
for thread in threads:
    thread.start()
    taken.acquire()
threads[2].join()
print("done", flush=True)
sys.stdin.readline()
