"""A thread waits in execve() while tmattach comes: nothing is done to the process then.

    execing.py

When the execve() goes on it ends the threads that stand still, and the number of the
main thread is another program's. fanotify holds it for as long as the test wants."""
import ctypes
import os
import shutil
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from harness import BUILD, HANG, Report, line_of, tmattach, until  # noqa: E402

BIN = os.path.join(BUILD, "tests", "live", "recorder")
PYTHON = """
import os, sys, threading, time
print(flush=True)
os.read(0, 1)
threading.Thread(target=os.execv, args=(sys.argv[1], sys.argv[1:])).start()
while True:
    time.sleep(0.001)
"""
report = Report()


class Gate:
    """A program that is not executed before open(); <linux/fanotify.h>."""
    CLASS_CONTENT, OPEN_EXEC_PERM, MARK_ADD, ALLOW = 4, 0x40000, 1, 1

    def __init__(self, folder):
        libc = ctypes.CDLL(None, use_errno=True)
        self.program = os.path.join(folder, "another")
        shutil.copy("/bin/cat", self.program)
        self.fd = libc.fanotify_init(self.CLASS_CONTENT, os.O_RDONLY)
        if self.fd < 0 or libc.fanotify_mark(self.fd, self.MARK_ADD,
                                             ctypes.c_uint64(self.OPEN_EXEC_PERM), -100,
                                             os.fsencode(self.program)) != 0:
            raise OSError(ctypes.get_errno(), "fanotify: " + os.strerror(ctypes.get_errno()))

    def wait(self):
        self.event = struct.unpack("<IBBHQii", os.read(self.fd, 4096)[:24])[5]

    def open(self):
        os.write(self.fd, struct.pack("<iI", self.event, self.ALLOW))
        os.close(self.event)


def sleeps(pid):
    """The thread is in the kernel and does not stop."""
    return any(open("/proc/%d/task/%s/stat" % (pid, tid)).read().rpartition(")")[2].split()[0] == "D"
               for tid in os.listdir("/proc/%d/task" % pid))


def ours(pid):
    with open("/proc/%d/maps" % pid) as f:
        return [line for line in f if "tmattach" in line]


def held(gate, argv, name, refused, allowed, before=()):
    """Of a process whose thread waits, what is refused and what is not."""
    process = subprocess.Popen(argv + [gate.program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    pid = process.pid
    line_of(process)
    for command in before:
        tmattach(*command, pid)
    mapped = ours(pid)
    process.stdin.write(b"\n")
    process.stdin.flush()
    gate.wait()
    until(lambda: sleeps(pid))
    for command in refused:
        result = tmattach(*command, pid)
        report.check(result.status == 1 and "waits for another program" in result.err,
                     "%s: %s is refused" % (name, " ".join(command)), result)
    for command in allowed:
        result = tmattach(*command, pid)
        report.check(result.status == 0, "%s: %s is not" % (name, " ".join(command)), result)
    report.check(ours(pid) == mapped, name + ": nothing is mapped or unmapped", ours(pid))
    gate.open()
    out, _ = process.communicate(b"goes on", timeout=HANG)
    report.check(process.returncode == 0 and out == b"goes on", name + ": the other program comes", out)


def main():
    folder = tempfile.mkdtemp(prefix="tmattach-execing-")
    try:
        gate = Gate(folder)
    except OSError as why:
        report.skip("execing", why)
        report.passed += 1
        report.close()
    try:
        native = [os.path.join(BIN, "execer")]
        held(gate, native, "native", [["start"]], [["threads"]])
        held(gate, native, "native, recorded", [["stop"], ["clear"]], [["stats", "--no-fork"]],
             [["start"]])
        python = [sys.executable, "-X", "tracemalloc", "-c", PYTHON]
        held(gate, python, "Python", [["reset-peak"], ["stop"], ["stats", "--freeze"]],
             [["stats"], ["threads"]])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    report.close()


if __name__ == "__main__":
    main()
