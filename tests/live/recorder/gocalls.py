"""C that Go has called: the functions of Go are in the stacks, of blocks and of threads.

The program is as the linker leaves it, stripped, and position-independent."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from harness import BUILD, HANG, Report, line_of  # noqa: E402

report = Report()
BUILDS = {"linked": [], "stripped": ["-ldflags=-s -w"],
          "position-independent": ["-buildmode=pie"], "both": ["-buildmode=pie", "-ldflags=-s -w"]}


def tmattach(*args):
    return subprocess.run([os.path.join(BUILD, "tmattach")] + [str(a) for a in args], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=HANG)


def build(scratch, name):
    path = os.path.join(scratch, name)
    done = subprocess.run(["go", "build", "-o", path] + BUILDS[name] + [os.path.join(HERE, "gocalls.go")],
                          env=dict(os.environ, GOCACHE=os.path.join(scratch, "cache"), GO111MODULE="off",
                                   CGO_ENABLED="1", HOME=scratch),
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=HANG * 10)
    if done.returncode:
        raise SystemExit(done.stdout)
    return path


class Target:
    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        line_of(self.process)
        self.pid = self.process.pid

    def __call__(self, word):
        self.process.stdin.write(word + "\n")
        return self.process.stdout.readline().strip() == "done"

    def stacks(self):
        """[(size of a block, how many, functions, oldest first)...]"""
        done = tmattach("stats", "-k", "traceback", "-f", "json", self.pid)
        return [(row["size"] // row["count"], row["count"],
                 [f.get("function") or f["filename"] for f in row["traceback"]])
                for row in json.loads(done.stdout)["statistics"]]


def in_order(names, functions):
    rest = iter(functions)
    return all(any(name in function for function in rest) for name in names)


def expect(target, how, word, size, count, names):
    report.check(target(word), "%s: %s: it goes on" % (how, word))
    rows = [row for row in target.stacks() if row[0] == size]
    report.check(sum(row[1] for row in rows) == count, "%s: %s: all blocks" % (how, word), rows)
    whole = [row for row in rows if in_order(names, row[2]) and row[2][0] != "<cut>"]
    report.check(rows and whole == rows, "%s: %s: down to the goroutine's end" % (how, word), rows)


def blocks(target, how):
    done = tmattach("start", "--nframe", 100, target.pid)
    report.check(done.returncode == 0, "%s: start" % how, done)
    expect(target, how, "flat", 1000, 500, ["runtime.goexit", "main.main", "main.flat", "runtime.asmcgocall", "hold"])
    expect(target, how, "deep", 2000, 20, ["main.main", "main.deep"] + ["main.deep"] * 60 + ["hold"])
    expect(target, how, "parallel", 4000, 1600, ["runtime.goexit", "main.parallel.func1", "hold"])
    report.check(target("called"), "%s: C calls Go: it goes on" % how)
    rows = [row for row in target.stacks() if row[0] == 3000]
    report.check(sum(row[1] for row in rows) == 100 and all(in_order(["goBack", "hold"], r[2]) for r in rows),
                 "%s: C calls Go: who has called it last" % how, rows)


def threads(target, how):
    report.check(target("nap"), "%s: a goroutine waits in C" % how)
    until = time.monotonic() + HANG
    while time.monotonic() < until:
        done = tmattach("threads", target.pid)
        if "_Cfunc_nap" in done.stdout:
            break
    stack = next((s for s in done.stdout.split("\n\n") if "main.asleep" in s), "")
    report.check(in_order(["nap", "runtime.asmcgocall", "main.asleep", "runtime.goexit"], stack.splitlines()),
                 "%s: threads: from C to who called it" % how, done.stdout)
    target("wake")


def main():
    if not shutil.which("go"):
        report.skip("programs of Go", "golang-go is not installed")
        report.close()
        return
    with tempfile.TemporaryDirectory() as scratch:
        for how in sys.argv[1:] or BUILDS:
            target = Target(build(scratch, how))
            threads(target, how)
            blocks(target, how)
            threads(target, how)
            done = tmattach("stop", target.pid)
            target.process.communicate()
            report.check(done.returncode == 0 and target.process.returncode == 0, "%s: it ends well" % how, done)
    report.close()


if __name__ == "__main__":
    main()
