"""Lies put into the memory of a target that stands still, and how tmattach
takes them."""
import os
import struct
import subprocess
import tempfile
import threading

from harness import HANG, TMATTACH, Target

# What any read of a forged table may take, in kB: an honest one takes about
# 20 MB (37 under ASan), the pages and rows of what is really there come on top.
BOUND = 128 << 10
# What ASan keeps of memory that was given back is no part of it.
ENVIRONMENT = dict(os.environ, ASAN_OPTIONS="quarantine_size_mb=4:" + os.environ.get("ASAN_OPTIONS", ""))
HUGE = (1 << 64) - 1, 1 << 63, 1 << 62, 1 << 48, 1 << 40, 1 << 32
most = [0]


class Forged(Target):
    """A target with its memory."""

    def __init__(self, *args, **kw):
        super().__init__(*args, **kw)
        self.mem = None
        self.old = {}

    def __exit__(self, *exc):
        if self.mem:
            self.mem.close()
        super().__exit__(*exc)

    def open(self):
        self.mem = open("/proc/%d/mem" % self.pid, "r+b", 0)

    def read(self, at, size):
        self.mem.seek(at)
        return self.mem.read(size)

    def word(self, at):
        return struct.unpack("<Q", self.read(at, 8))[0]

    def forge(self, at, data):
        self.old.setdefault((at, len(data)), self.read(at, len(data)))
        self.mem.seek(at)
        self.mem.write(data)

    def forge_word(self, at, value):
        self.forge(at, struct.pack("<Q", value & (1 << 64) - 1))

    def restore(self):
        for (at, _), data in reversed(list(self.old.items())):
            self.mem.seek(at)
            self.mem.write(data)
        self.old.clear()


def look(pid, *command):
    """What is wrong with how tmattach takes it; its status."""
    argv = [TMATTACH] + list(command) + [str(pid)]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                   env=ENVIRONMENT)
        killer = threading.Timer(HANG, process.kill)
        killer.start()
        _, status, usage = os.wait4(process.pid, 0)
        killer.cancel()
        process.returncode = status
        out.seek(0)
        err.seek(0)
        printed, message = out.read(), err.read()
    most[0] = max(most[0], usage.ru_maxrss)
    code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
    wrong = []
    if code not in (0, 1, 3, 4, 5):
        wrong.append("status %d: %s" % (code, message[-2000:].decode("utf-8", "replace")))
    if code and ((printed and code != 5) or not message.startswith(b"tmattach: ")):
        wrong.append("status %d, on stdout %.100r, message %.300r" % (code, printed, message))
    if usage.ru_maxrss > BOUND:
        wrong.append("%d kB of memory" % usage.ru_maxrss)
    return ["%s: %s" % (" ".join(command), w) for w in wrong], code


def looks(target, commands):
    wrong, codes = [], []
    for command in commands:
        found, code = look(target.pid, *command)
        wrong += found
        codes.append(code)
    return wrong, codes


def while_others_write(target, commands, write):
    """What is wrong with it while somebody else writes the tables: a stopped
    process does not stop those who share its memory."""
    stop = threading.Event()

    def others():
        while not stop.is_set():
            write()

    writer = threading.Thread(target=others)
    writer.start()
    try:
        return looks(target, commands)[0]
    finally:
        stop.set()
        writer.join()
        target.restore()
