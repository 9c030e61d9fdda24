"""What the live tests share: interpreters, targets, reports, our command."""
import glob
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get("B", os.path.join(TOP, "build"))
TMATTACH = os.environ.get("TMATTACH", os.path.join(BUILD, "tmattach"))
ROOTS = os.environ.get("TMATTACH_ROOTS", "/var/tmp/tmattach-roots")
LONG = os.environ.get("LONG", "") not in ("", "0")
# A hang is a failure, not a wait for ever. Nothing is ever timed with it.
HANG = int(os.environ.get("HANG", "300"))


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


def tmattach_ok(*args):
    """Run our command; it has to succeed, silently."""
    result = tmattach(*args)
    if result.status != 0 or result.err:
        raise Failed(str(result))
    return result


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
        if root:
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
print("%d.%d.%d %s" % (tuple(sys.version_info[:3]) + (c,)))
"""


def interpreters(names=()):
    with open(os.path.join(HERE, "interpreters")) as f:
        lines = [line.split() for line in f if line.strip() and line[0] != "#"]
    return [Interpreter(*words) for words in lines if not names or words[0] in names]


# ---- targets ----------------------------------------------------------------

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
            got = self.process.stdout.readline().decode("utf-8", "replace")
            if not got:
                err = self.process.stderr.read().decode("utf-8", "replace")
                raise Failed("the target ended before %r: %s%s" % (line, "".join(seen), err))
            if got.rstrip("\n").startswith(line):
                return got.rstrip("\n")
            seen.append(got)

    def say(self, text):
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

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


def copy_in(directory, *names):
    """Put test programs where the target can see them."""
    for name in names:
        source = os.path.join(HERE, name)
        if not os.path.exists(source):
            source = os.path.join(BUILD, "tests", "live", name)
        shutil.copy(source, directory)
