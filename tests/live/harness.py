"""What the live tests share: interpreters, targets, reports, our command."""
import contextlib
import glob
import importlib.machinery
import importlib.util
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get("B", os.path.join(TOP, "build"))
TMATTACH = os.environ.get("TMATTACH", os.path.join(BUILD, "tmattach"))
ROOTS = os.environ.get("TMATTACH_ROOTS", "/var/tmp/tmattach-roots")
LONG = os.environ.get("LONG", "") not in ("", "0")
# A hang is a failure, not a wait for ever. Nothing is ever timed with it.
HANG = int(os.environ.get("HANG", "300"))
# How many interpreters at a time: a test and its target mostly wait for each other.
JOBS = int(os.environ.get("JOBS", os.cpu_count() or 1))


def sibling(name):
    """Another runner of this folder, as a module."""
    loader = importlib.machinery.SourceFileLoader(name, os.path.join(HERE, name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


class Report:
    """ok / not ok lines and the closing line."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.lock = threading.Lock()

    def check(self, good, name, detail=""):
        lines = [("ok - " if good else "not ok - ") + name]
        if not good:
            lines += ["#   " + line[:400].encode("utf-8", "backslashreplace").decode()
                      for line in str(detail).splitlines()[:20]]
        with self.lock:
            self.passed += bool(good)
            self.failed += not good
            print("\n".join(lines), flush=True)
        return good

    def skip(self, name, why):
        with self.lock:
            self.skipped += 1
            print("skipped - %s: %s" % (name, why), flush=True)

    def close(self):
        line = "%d passed, %d failed" % (self.passed, self.failed)
        if self.skipped:
            line += ", %d skipped" % self.skipped
        print(line, flush=True)
        sys.exit(1 if self.failed or not self.passed else 0)


# ---- our command ------------------------------------------------------------

class Result:
    def __init__(self, args, process):
        self.args = args
        self.status = process.returncode
        self.out = process.stdout
        self.err = process.stderr.decode("utf-8", "backslashreplace")

    @property
    def text(self):
        return self.out.decode("utf-8", "surrogatepass")

    def __str__(self):
        return "%s\nstatus %d\n%s" % (" ".join(map(str, self.args)), self.status, self.err)


class Failed(Exception):
    """The command did not do what it should; a test says so and goes on."""


def tmattach(*args, **kw):
    """Run our command, whatever becomes of it."""
    argv = [TMATTACH] + [str(a) for a in args]
    try:
        process = subprocess.run([os.fsencode(a) for a in argv], stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                 timeout=HANG, **kw)
    except subprocess.TimeoutExpired:
        raise Failed("%s: still running after %d s" % (" ".join(argv), HANG))
    return Result(argv, process)


def went_well(command, result):
    """It succeeded, silently but for start's one line, and stop's about a recorder in Python."""
    told = (WHICH_TRACER.fullmatch(result.err) if command == "start" else
            not result.err or command == "stop" and WAS_RECORDED.fullmatch(result.err))
    return result.status == 0 and bool(told)


def tmattach_ok(*args):
    """Run our command; it has to go well."""
    result = tmattach(*args)
    if not went_well(args[0], result):
        raise Failed(str(result))
    return result


WHICH_TRACER = re.compile(r"tmattach: pid \d+[^\n]*: (tracemalloc of|the recorder is in)"
                    r"[^\n]* does not see [^\n]*\n")


WAS_RECORDED = re.compile(r"tmattach: pid \d+[^\n]*: the recorder is out of Python's allocators again\n")


def tmattach_json(*args):
    result = tmattach_ok(*args)
    try:
        return json.loads(result.text)
    except ValueError as e:
        raise Failed("%s: no JSON: %s: %.300s" % (" ".join(map(str, args)), e, result.text))


# ---- interpreters -----------------------------------------------------------

class Interpreter:
    """One line of the file `interpreters`. `why` says why it is not there."""

    def __init__(self, label, how, program, version):
        self.label = label
        self.root = ""
        self.prefix = []
        self.why = None
        kind, _, root = how.partition(":")
        self.must_be_named = kind == "named"
        if kind in ("built", "named"):
            program = os.path.join(ROOTS, root) + program
        elif root:
            self.root = os.path.join(ROOTS, root)
            self.prefix = ["chroot", self.root]
            if kind == "mount":
                self.prefix = ["unshare", "-m"] + self.prefix
        self.find(program, version)

    def find(self, program, version):
        found = sorted(glob.glob(self.root + os.path.expanduser(program)))
        if self.root and not os.path.isdir(self.root):
            self.why = "no root %s (see tests/live/roots)" % self.root
        elif self.root and os.geteuid() != 0:
            self.why = "chroot needs root"
        elif not found:
            self.why = "no %s" % program
        if self.why:
            return
        self.program = found[-1][len(self.root):]
        self.argv = self.prefix + [self.program]
        probe = subprocess.run(self.argv + ["-c", PROBE], stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True)
        words = probe.stdout.split()
        if probe.returncode != 0 or not words:
            self.why = "does not run: " + probe.stdout.strip()[-200:]
        elif not (words[0] + ".").startswith(version + "."):
            self.why = "is %s, not %s" % (words[0], version)
        elif words[1] != "ctypes":
            self.why = "%s has no ctypes" % words[0]
        else:
            self.version = words[0]
            self.free_threaded = words[2] == "free"
            self.debug = words[3] == "debug"
            self.musl = words[4].endswith("-musl")
            self.info = tuple(int(n) for n in words[0].split(".")[:2])

    def workdir(self):
        """A directory the interpreter sees: its path for us and for it."""
        base = os.path.join(self.root or "/", "tmp")
        here = tempfile.mkdtemp(prefix="tmattach-live.", dir=base)
        os.chmod(here, 0o755)
        return here, here[len(self.root):]


PROBE = """
import sys
try: import ctypes; c = "ctypes"
except ImportError: c = "none"
gil = getattr(sys, "_is_gil_enabled", lambda: True)()
build = "debug" if hasattr(sys, "gettotalrefcount") else "release"
libc = getattr(sys.implementation, "_multiarch", "unknown")
print("%d.%d.%d %s %s %s %s" % (tuple(sys.version_info[:3]) + (c, "gil" if gil else "free", build, libc)))
"""


def minors():
    """Of the versions that tmattach knows."""
    with open(os.path.join(TOP, "src", "py", "layouts.def")) as f:
        return re.findall(r"^PY_LAYOUT\(3_(\d+)\)", f.read(), re.M)


def lines_of_interpreters():
    """(words, whether it is one of those for every version)"""
    with open(os.path.join(HERE, "interpreters")) as f:
        lines = [line.split() for line in f if line.strip() and line[0] != "#"]
    for words in lines:
        if "N" not in words[0]:
            yield words, False
        else:
            for minor in minors():
                yield [word.replace("N", minor) for word in words], True


def interpreters(names=()):
    """Those of the file, or of it the ones that are named here or in $INTERPRETERS, with commas."""
    names = names or [n for n in os.environ.get("INTERPRETERS", "").split(",") if n]
    found = [(Interpreter(*words), words[-1], general) for words, general in lines_of_interpreters()
             if not names or words[0] in names]
    there = {version for interpreter, version, _ in found if not interpreter.why}
    return [interpreter for interpreter, version, general in found
            if names or not (interpreter.must_be_named or
                             interpreter.why and general and version in there)]


def each(report, check, refused=lambda interpreter: None):
    """A whole runner: all interpreters, or those of the command line, but for those that
    refused() says why of."""
    def look(interpreter):
        try:
            check(interpreter)
        except Failed as e:
            report.check(False, interpreter.label, e)
        except Exception as e:  # a thread's would be lost
            report.check(False, interpreter.label, repr(e))

    with ThreadPoolExecutor(JOBS) as pool:
        for interpreter in interpreters(sys.argv[1:]):
            why = interpreter.why or refused(interpreter)
            if why:
                report.skip(interpreter.label, why)
            else:
                pool.submit(look, interpreter)
    report.close()


@contextlib.contextmanager
def place_of(interpreter, *names):
    """A directory with copies of these, as we see it and as the interpreter does."""
    here, there = interpreter.workdir()
    try:
        copy_in(here, *names)
        yield here, there
    finally:
        shutil.rmtree(here, ignore_errors=True)


# ---- targets ----------------------------------------------------------------

def end_family(process):
    """It and what it has forked: that holds the other ends of its pipes, too."""
    family = [process.pid]
    for pid in family:
        with contextlib.suppress(OSError):
            for task in os.listdir("/proc/%d/task" % pid):
                with open("/proc/%d/task/%s/children" % (pid, task)) as f:
                    family += map(int, f.read().split())
    for pid in reversed(family[1:]):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.kill()


def line_of(process):
    """The next line of its output, in bytes; a program that hangs is ended, so
    that its test fails and the others go on."""
    watch = threading.Timer(HANG, end_family, [process])
    watch.start()
    try:
        return process.stdout.readline()
    finally:
        watch.cancel()


class Target:
    """A program under test, talked to through its stdin and stdout."""

    def __init__(self, argv, env=None, **kw):
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, env=env, **kw)
        self.pid = self.process.pid

    def expect(self, line):
        """Read lines up to this one."""
        seen = []
        while True:
            got = line_of(self.process).decode("utf-8", "replace")
            if not got:
                err = self.process.stderr.read().decode("utf-8", "replace")
                raise Failed("the target ended before %r: %s%s" % (line, "".join(seen), err))
            if got.rstrip("\n").startswith(line):
                return got.rstrip("\n")
            seen.append(got)

    def lines(self):
        """Bytes: each line up to "end"."""
        lines = []
        while True:
            line = line_of(self.process)
            if line == b"end\n":
                return lines
            if not line:
                raise Failed(self.process.stderr.read().decode("utf-8", "replace"))
            lines.append(line)

    def told(self):
        """The words of each."""
        return [line.decode("utf-8", "replace").split() for line in self.lines()]

    def until(self, what, condition):
        """What it gives once it is something, as long as the target is there."""
        def look():
            if self.process.poll() is not None:
                raise Failed("the target ended before this: " + what)
            return condition()

        found = until(look)
        if not found:
            raise Failed("it does not come: " + what)
        return found

    def say(self, text):
        try:
            self.process.stdin.write(text.encode())
            self.process.stdin.flush()
        except BrokenPipeError:
            status = self.process.wait(HANG)
            err = self.process.stderr.read().decode("utf-8", "replace")
            raise Failed("the target ended with %d before it was told %r: %s" % (status, text, err))

    def end(self):
        """Let it come to its end: (status, the rest of its output)."""
        try:
            out, err = self.process.communicate(timeout=HANG)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failed("the target hangs")
        return self.process.returncode, out.decode(), err.decode("utf-8", "replace")

    def kill(self):
        if self.process.poll() is None:
            os.kill(self.pid, signal.SIGKILL)
            os.kill(self.pid, signal.SIGCONT)
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream and not stream.closed:
                try:
                    stream.close()
                except BrokenPipeError:
                    pass

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.kill()


def until(condition):
    """What it gives once it is something, or at last: the limit is for what hangs."""
    deadline = time.monotonic() + HANG
    while True:
        found = condition()
        if found or time.monotonic() > deadline:
            return found
        time.sleep(0.001)


def state_of(pid, tid=None):
    """Of a thread, of the main one if none is named: a letter, as ps has it."""
    with open("/proc/%d/task/%d/stat" % (pid, tid or pid)) as f:
        return f.read().rpartition(")")[2].split()[0]


def stops(pid):
    """It gets into its stop; let go by a tracer, it walks back into it."""
    return until(lambda: state_of(pid) == "T")


def call_of(pid, tid=None):
    """The number of the system call that a thread waits in; "running", ..."""
    with open("/proc/%d/task/%d/syscall" % (pid, tid or pid)) as f:
        return f.read().split()[0]


class Kills:
    """Tries to kill a command at random instants of it, on fast machines and slow:

        for i in kills:
            kills.count(kill(..., kills.instant()))   # True: it was in the middle

    There are `number` of them, and more until as many as a quarter of that came
    in the middle (`enough`), but at most 20 times as many. One that comes too late
    makes the next ones come earlier, and the other way round."""

    def __init__(self, number, seconds, seed=2026):
        self.number, self.seconds, self.rng = number, seconds, random.Random(seed)
        self.tried = self.died = 0

    @property
    def enough(self):
        return self.died > self.number // 4

    def __iter__(self):
        while self.tried < self.number or not self.enough and self.tried < 20 * self.number:
            yield self.tried

    def instant(self):
        """Seconds."""
        return self.rng.random() * self.seconds

    def count(self, died):
        self.tried += 1
        self.died += died
        self.seconds = min(self.seconds * (1.2 if died else 0.8), 10)

    def __str__(self):
        return "%d times, %d in the middle" % (self.tried, self.died)


def free_port():
    """A port of 127.0.0.1 that nobody listens at now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def footprint(pid):
    """What a process has of that which a tracer could leave behind."""
    with open("/proc/%d/maps" % pid) as f:
        maps = [line.split() for line in f]
    with open("/proc/%d/status" % pid) as f:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
    return {"threads": len(os.listdir("/proc/%d/task" % pid)),
            "fds": len(os.listdir("/proc/%d/fd" % pid)),
            "maps": len(maps),
            "executable": sum("x" in m[1] for m in maps),
            "ours": sum("/memfd:tmattach" in " ".join(m[5:]) for m in maps),  # "... (deleted)"
            "TracerPid": status["TracerPid"], "SigBlk": status["SigBlk"]}


def copy_in(directory, *names):
    """Put test programs where the target can see them."""
    for name in names:
        source = os.path.join(HERE, name)
        if not os.path.exists(source):
            source = os.path.join(BUILD, "tests", "live", name)
        shutil.copy(source, directory)
