"""control_target.py as the tests of control see it."""
import collections
import json
import mmap
import os
import shutil
import signal
import time

from harness import Failed, Target, copy_in, tmattach_ok


class Subject:
    """control_target.py on one interpreter, and how it was at first."""

    def __init__(self, interpreter, env=None):
        here, there = interpreter.workdir()
        self.dir = here
        copy_in(here, "control_target.py", "control.so")
        with open(here + "/flag", "wb") as f:
            f.write(bytes(4096))
        os.chmod(here + "/control.so", 0o755)
        with open(here + "/flag", "r+b") as f:
            self.flags = mmap.mmap(f.fileno(), 4096)
        self.target = Target(interpreter.argv + ["-B", there + "/control_target.py", there],
                             env=dict(os.environ, **env or {}))
        self.pid = self.target.pid
        self.target.expect("ready")

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.target.kill()
        self.flags.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def answer(self):
        line = self.target.process.stdout.readline()
        if not line:
            status, _, err = self.target.end()
            raise Failed("the target ended with %s: %s" % (status, err[-1000:]))
        return json.loads(line)

    def ask(self, *words):
        self.target.say(" ".join(map(str, words)) + "\n")
        return self.answer()

    def enter(self, state):
        """Return when it is there: entered, and blocked where it blocks."""
        self.flags[0] = self.flags[1] = 0
        self.target.say("state %s\n" % state)
        blocks = state in ("sleep", "select", "epoll", "hold", "handler")
        while not (self.flags[1] and (not blocks or self.status("State").startswith("S"))):
            if self.target.process.poll() is not None:
                raise Failed("the target ended")
            time.sleep(0.001)

    def settle(self):
        """Main is back in its call: before that a signal would only be noted by
        Python, and the call would begin all the same."""
        calls = ("23", "270", "35", "230")  # select, pselect6, nanosleep, clock_nanosleep
        while True:
            with open("/proc/%d/syscall" % self.pid) as f:
                if f.read().split()[0] in calls:
                    return
            time.sleep(0.001)

    def leave(self, state):
        if state in ("sleep", "select"):
            self.settle()
        self.flags[0] = 1
        if state in ("hold", "epoll", "handler"):
            self.target.say("\n")
        elif state in ("sleep", "select", "busy"):
            os.kill(self.pid, signal.SIGUSR1)
        left = self.answer()["left"]
        if state == "epoll":
            self.target.process.stdin.flush()
        return left

    def status(self, key):
        with open("/proc/%d/status" % self.pid) as f:
            return next(l.split(":", 1)[1].strip() for l in f if l.startswith(key + ":"))

    def seen(self):
        """Signals that its handler has counted."""
        return int.from_bytes(self.flags[8:16], "little")

    def traces_of_outside(self):
        """(domain, size, total_nframe, frames oldest first) of the blocks we know."""
        text = tmattach_ok("traces", "--no-fork", "-f", "json", "--include", "<control-*", self.pid).text
        rows = [json.loads(line) for line in text.splitlines()]
        return collections.Counter(
            (t["domain"], t["size"], t["total_nframe"],
             tuple((f["filename"], f["lineno"]) for f in t["traceback"])) for t in rows)

    def truth(self):
        truth = self.ask("truth")
        truth["traces"] = collections.Counter(
            (d, size, total, tuple((f, l) for f, l in reversed(frames)))
            for d, size, total, frames in truth["traces"])
        return truth

    def footprint(self):
        with open("/proc/%d/maps" % self.pid) as f:
            maps = [line.split() for line in f]
        return {"threads": len(os.listdir("/proc/%d/task" % self.pid)),
                "fds": len(os.listdir("/proc/%d/fd" % self.pid)),
                "maps": len(maps),
                "executable": sum("x" in m[1] for m in maps),
                "TracerPid": self.status("TracerPid"), "SigBlk": self.status("SigBlk")}


LEFT = {"sleep": "signal", "select": "signal", "busy": "signal", "epoll": 0}
