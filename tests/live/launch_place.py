"""What the tests of `tmattach run` share: a directory with a program that knows
what its last snapshot has to be."""
import collections
import json
import os
import shutil
import subprocess

from harness import LONG, TMATTACH, Failed, Report, tmattach, tmattach_ok

report = Report()

# Blocks that are recognised by their file name, and what tracemalloc says of
# them in the last exit handler (registered first, so it runs last).
PROGRAM = """
import atexit, json, os, sys, _tracemalloc
DIR = sys.argv[1]
def truth():
    traces = [[t[0], t[1], t[3] if len(t) > 3 else None, [list(f) for f in t[2]]]
              for t in _tracemalloc._get_traces() if t[2][0][0] == "<blocks>"]
    with open(DIR + "/truth.json", "w") as f:
        json.dump([os.getpid(), traces], f)
atexit.register(truth)
space = {}
exec(compile("def make(n):\\n    return [bytes(100 + i) for i in range(n)]\\n"
             "blocks = make(200)\\n", "<blocks>", "exec"), space)
%s
"""


# Smaller ones come from free lists and change owner while they are counted.
BLOCK = 100


class Place:
    """A directory with the program, and the command lines for it."""

    def __init__(self, interpreter, ending):
        self.interpreter = interpreter
        self.here, self.there = interpreter.workdir()
        os.chmod(self.here, 0o777)
        self.out = self.here + "/out.tms"
        self.put("program.py", PROGRAM % ending)

    def put(self, name, text, mode=0o755):
        with open(os.path.join(self.here, name), "w") as f:
            f.write(text)
        os.chmod(os.path.join(self.here, name), mode)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        shutil.rmtree(self.here, ignore_errors=True)

    def python(self, *words):
        return self.interpreter.argv + list(words)

    def run(self, argv, *options):
        return tmattach("run", "-o", self.out, *options, "--", *argv)

    def start(self, argv):
        return subprocess.Popen([TMATTACH, "run", "-o", self.out, "--"] + argv,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)

    def traces(self):
        text = tmattach_ok("traces", "-f", "json", "--include", "<blocks>", self.out).text
        return collections.Counter(
            (t["domain"], t["size"], t["total_nframe"],
             tuple((f["filename"], f["lineno"]) for f in t["traceback"]))
            for t in map(json.loads, text.splitlines()) if t["size"] >= BLOCK)

    def truth(self):
        with open(self.here + "/truth.json") as f:
            rows = json.load(f)[1]
        return collections.Counter(
            (d, size, total, tuple(tuple(f) for f in reversed(frames)))
            for d, size, total, frames in rows if size >= BLOCK)

    def check(self, name, result, status, note=""):
        """`note`: a part of the one line that is to be said."""
        name = "%s: %s" % (self.interpreter.label, name)
        said = note in result.err and result.err.count("\n") == 1 if note else not result.err
        report.check(result.status == status and said, name + ": exit status, and what is said", result)
        ours, theirs = self.traces(), self.truth()
        report.check(sum(theirs.values()) >= 200 and ours == theirs, name + ": the last snapshot",
                     "%s\n%s" % (list((ours - theirs).items())[:3], list((theirs - ours).items())[:3]))


def pid_of(place):
    """The program's pid as we see it: the parent is not its own."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/cmdline" % pid, "rb") as f:
                words = f.read().split(b"\0")
        except OSError:
            continue
        if place.there.encode() in words and b"run" not in words:
            return int(pid)
    raise Failed("no process of the program")


def some(things, turn):
    """All of them in the long form, else two: over the interpreters all."""
    return things if LONG else [things[turn % len(things)], things[(turn + 1) % len(things)]]
