"""control_target.py as the tests of control see it."""
import collections
import json
import mmap
import os
import select
import shutil
import signal

from harness import Failed, Target, call_of, copy_in, footprint, line_of, state_of, tmattach_ok


# Blocked in Python code, left by a signal whose handler raises; blocked in C
# code, left by a line on stdin.
PYTHON_WAITS = ("sleep", "select", "poll", "acquire", "communicate", "accept")
C_WAITS = ("hold", "epoll", "cpoll", "handler")
# Blocked in C code, left with EINTR by a signal of the test.
C_CALLS = ("fcntl", "fifo", "write", "splice", "sigwait", "msgrcv", "futex", "futex_waitv")
# poll, ppoll, select, pselect6, nanosleep, clock_nanosleep, futex, restart_syscall; and those of C_CALLS: fcntl,
# open, openat, write, splice, rt_sigtimedwait, msgrcv, futex_waitv
CALLS = ("7", "271", "23", "270", "35", "230", "202", "219", "72", "2", "257", "1", "275", "128", "70", "449")


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
        line = line_of(self.target.process)
        if not line:
            status, _, err = self.target.end()
            raise Failed("the target ended with %s: %s" % (status, err[-1000:]))
        return json.loads(line)

    def has_answered(self):
        return bool(select.select([self.target.process.stdout], [], [], 0)[0])

    def ask(self, *words):
        self.target.say(" ".join(map(str, words)) + "\n")
        return self.answer()

    def enter(self, state):
        """Return when it is there: entered, and blocked where it blocks."""
        self.flags[0] = self.flags[1] = 0
        self.target.say("state %s\n" % state)
        blocks = state in PYTHON_WAITS + C_WAITS + C_CALLS + ("nap",)
        self.target.until(state, lambda: self.flags[1] and (not blocks or state_of(self.pid) == "S"))

    def settle(self):
        """Main is back in its call: before that a signal would only be noted by
        Python, or handled, and the call would begin all the same."""
        self.target.until("it is back in its call", lambda: call_of(self.pid) in CALLS)

    def until_threads(self, n):
        """It has one thread, or a second one: ours."""
        self.target.until("%d threads" % n,
                          lambda: min(len(os.listdir("/proc/%d/task" % self.pid)), 2) == n)

    def leave(self, state):
        if state in PYTHON_WAITS + C_CALLS:
            self.settle()
        self.flags[0] = 1
        if state in C_WAITS:
            self.target.say("\n")
        elif state in C_CALLS:
            os.kill(self.pid, signal.SIGUSR2)
        elif state in PYTHON_WAITS + ("busy",):
            os.kill(self.pid, signal.SIGUSR1)
        return self.answer()["left"]

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
        return footprint(self.pid)


LEFT = dict(dict.fromkeys(PYTHON_WAITS + ("busy",), "signal"), epoll=0, cpoll=0)
