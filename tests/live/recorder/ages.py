"""How old the recorder's blocks are, and which were there at the peak.

    ages.py peak|sampled|full|ages|refuse|python ...

The target says by its own clock when it has allocated. Nobody waits: what is to be
old has the times of its generation written anew."""
import json
import os
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from harness import BUILD, HANG, Report, line_of  # noqa: E402

BIN = os.path.join(BUILD, "tests", "live", "recorder")
DRIVER = os.path.join(BUILD, "tests", "live", "recorder_driver")
report = Report()
LARGE = 100000  # more than the 64 KiB that a thread keeps to itself
NS, OLD = 10**9, 120  # s; younger than any machine that runs this
# Words of struct tm_recorder_table; of struct tm_recorder_time.
TIMES, NEXT_TIME, NTIMES, TIME = 416, 840, 896, 16


def tmattach(*args, **kw):
    return subprocess.run([os.path.join(BUILD, "tmattach")] + [str(a) for a in args], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=HANG, **kw)


class Target:
    def __init__(self, *start):
        self.process = subprocess.Popen([os.path.join(BIN, "ages")], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, bufsize=1)
        line_of(self.process)
        self.pid = self.process.pid
        done = tmattach("start", *(list(start) + [self.pid])) if start is not None else None
        if done.returncode:
            raise SystemExit(done.stderr)

    def __call__(self, what, n=1, size=LARGE):
        self.process.stdin.write("%s %d %d\n" % (what, n, size))
        return [int(word) for word in self.process.stdout.readline().split()]

    def stats(self, *args, of=None):
        """What was allocated by whom: {function: [(size of one, count)...]}, and what was said."""
        got = tmattach("stats", "-k", "traceback", "-f", "json", *(list(args) + [of or self.pid]))
        ret = {}
        for row in json.loads(got.stdout)["statistics"] if got.stdout else []:
            names = [frame.get("function") for frame in row["traceback"]]
            for name in ("old", "young", "burst_block", "moved"):
                if name in names:
                    size, count = ret.get(name, (0, 0))
                    ret[name] = (size + row["size"], count + row["count"])
        return ret, got

    def word(self, at, value=None):
        with open("/proc/%d/maps" % self.pid) as f:
            table = min(int(line.split("-")[0], 16) for line in f if "tmattach-table" in line)
        with open("/proc/%d/mem" % self.pid, "r+b", buffering=0) as mem:
            mem.seek(table + at)
            if value is not None:
                mem.write(struct.pack("<Q", value))
                return value
            return struct.unpack("<Q", mem.read(8))[0]

    def make_older(self, seconds):
        times = self.word(TIMES)
        for i in range(self.word(NTIMES)):
            at = times + TIME * i
            self.word(at, self.word(at) - seconds * NS)
        self.word(NEXT_TIME, 0)

    def now(self):
        return self("none", 0)[1]

    def end(self):
        stopped = tmattach("stop", self.pid)
        self.process.communicate()
        report.check(stopped.returncode == 0 and self.process.returncode == 0, "the target ends well", stopped)


def same(target, want, name, *args):
    for how in ((), ("--no-fork",)):
        got, done = target.stats("--peak", *(how + args))
        report.check(done.returncode == 0 and got == want, "peak: %s %s" % (name, " ".join(how)),
                     "%s instead of %s: %s" % (got, want, done.stderr))


def of(n, size=LARGE):
    return (n * size, n)


def peak():
    target = Target("--nframe", 8)
    target("old", 20)
    same(target, {"old": of(20)}, "one that is being made")
    target("burst", 300)
    target("young", 100)
    target("pass", 2000)
    same(target, {"old": of(20), "burst_block": of(300)}, "a burst, long ago")
    target("grow", 1, 10 * LARGE)
    target("burst", 300)
    target("shrink", 1, 1000)
    target("pass", 100, 3 * LARGE)
    want = {"old": of(20), "young": of(100), "moved": of(1, 10 * LARGE), "burst_block": of(300)}
    same(target, want, "a block that realloc() moved before and after")
    target("fork", 500)
    same(target, want, "a child's is not the parent's")
    target("saw", 400, LARGE + 8)
    want = {"old": of(20), "young": of(100), "moved": (1000, 1), "burst_block": of(400, LARGE + 8)}
    same(target, want, "the last of many")
    target("threads", 150)
    want["burst_block"] = of(600)
    same(target, want, "of four threads")
    report.check(tmattach("reset-peak", target.pid).returncode == 0, "peak: reset")
    want.pop("burst_block")
    same(target, want, "after it was reset")
    target("burst", 7)
    want["burst_block"] = of(7)
    same(target, want, "of a burst after that")
    report.check(tmattach("clear", target.pid).returncode == 0, "peak: cleared")
    same(target, {}, "after all was cleared")
    target("burst", 3)
    target("young", 1)
    same(target, {"burst_block": of(3)}, "of a burst after that")
    live, _ = target.stats()
    report.check(live == {"young": of(1)}, "peak: what is there now is shown without --peak", live)
    target.end()


def sampled():
    target = Target("--sample", "64K")
    target("old", 200)
    target("burst", 2000)
    target("pass", 3000)
    got, done = target.stats("--peak")
    size = got.get("burst_block", (0, 0))[0]
    report.check(0.9 < size / (2000 * LARGE) < 1.1 and 0.7 < got["old"][0] / (200 * LARGE) < 1.3,
                 "sampled: the burst is there as estimated", "%s %s" % (got, done.stderr))
    target.end()


def full():
    """A small table has room for 32768 blocks that were freed."""
    target = Target()
    tmattach("stop", target.pid)
    subprocess.run([DRIVER, "start", str(target.pid), "8", "0", str(16 << 20)], check=True)
    target("old", 10)
    target("burst", 40000, 64)
    got, done = target.stats("--peak")
    left = got.get("burst_block", (0, 0))[1]
    # By the time that a thread tells, it has freed 128 KiB at most.
    report.check(done.returncode == 5 and got["old"] == of(10) and 32768 <= left <= 32768 + 2,
                 "full: what is there of the burst", "%s %s" % (got, done))
    missing = [int(line.split(": ")[2].split()[0]) for line in done.stderr.splitlines() if "missing" in line]
    report.check(len(missing) == 1 and 0 <= 40000 - left - missing[0] <= (128 << 10) // 64 + 2,
                 "full: how many are not is said", done.stderr)
    target.end()


def shown(target, after):
    """Between what the target says before and after."""
    done = tmattach("stats", "-k", "traceback", "-f", "json", target.pid)
    late = (target.now() - after) / NS + OLD
    rows = {tuple(f.get("function") for f in row["traceback"] if f.get("function") in ("old", "young")): row
            for row in json.loads(done.stdout)["statistics"]}
    for name, low, high in (("old", OLD, late), ("young", 0, late - OLD)):
        row = rows[name,]
        report.check(low <= row["newest"] <= row["oldest"] <= high + 1.1, "ages: JSON has them: " + name, row)
    text = tmattach("stats", "--ages", "--older", "1m", target.pid).stdout
    report.check(", age=2m" in text, "ages: --ages has them", text)
    text = tmattach("stats", target.pid).stdout
    report.check("count=100, average=1000 B\n" in text, "ages: text without it is tracemalloc's", text)


def kept(target, path, both, old):
    """A file answers as the process did when it was taken."""
    done = tmattach("dump", "-o", path, target.pid)
    for args, want in (((), both), (("--older", "1m"), old), (("--newer", "1h"), both), (("--older", "1d"), {})):
        got, asked = target.stats(*args, of=path)
        report.check(done.returncode == 0 and got == want, "ages: a file has them: " + " ".join(args),
                     "%s instead of %s: %s" % (got, want, asked))
    tmattach("dump", "--older", "1m", "-o", path, target.pid)
    rows = json.loads(tmattach("stats", "-f", "json", path).stdout)
    report.check(rows["total"]["count"] == 100 and rows["statistics"][0]["newest"] >= OLD,
                 "ages: a file has what was left", rows)
    done = tmattach("stats", "--peak", path)
    report.check(done.returncode == 1 and not done.stdout and "ask the process" in done.stderr,
                 "ages: a file does not have the peak", done)
    csv = path.replace(".tms", ".csv")
    tmattach("convert", path, "-o", csv)
    done = tmattach("stats", "--older", "1s", csv)
    report.check(done.returncode == 1 and not done.stdout and ".tms" in done.stderr,
                 "ages: a file without them is refused", done)


def ages():
    target = Target("--nframe", 4)
    before, after = target("old", 100, 1000)
    target.make_older(OLD)
    target("young", 50, 2000)
    old, young = {"old": (100000, 100)}, {"young": (100000, 50)}
    for args, want in ((("--older", "1m"), old), (("--newer", "1m"), young), (("--older", "1d"), {}),
                       (("--newer", "2.5m"), dict(old, **young)), (("--older", "0.5m", "--newer", "3m"), old),
                       (("--older", "1m", "--no-fork"), old), (("--older", "1m", "--peak"), old)):
        got, done = target.stats(*args)
        report.check(done.returncode == 0 and got == want, "ages: " + " ".join(args),
                     "%s instead of %s: %s" % (got, want, done.stderr))
    # As old as the target's clock says, to a second.
    got, done = target.stats("--older", "%.3fs" % ((target.now() - after) / NS + OLD - 0.1))
    report.check(got == old, "ages: not younger than the target says", "%s %s" % (got, done))
    slow = target.now()
    for _ in range(5):
        got, done = target.stats("--older", "%.3fs" % ((slow - before) / NS + OLD + 1.5))
        late = (target.now() - slow) / NS
        if late < 0.5:
            break
        slow = target.now()
    report.check(got == {} or late >= 0.5, "ages: nor older", "%s %s" % (got, done))
    shown(target, after)
    with tempfile.TemporaryDirectory() as scratch:
        kept(target, os.path.join(scratch, "x.tms"), dict(old, **young), old)
    target.end()


def refuse():
    python = subprocess.Popen([sys.executable, "-X", "tracemalloc", "-c", "print('ready', flush=True); input()"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    line_of(python)
    for option in (("--newer", "1s"), ("--peak",)):
        done = tmattach("stats", *(option + (python.pid,)))
        report.check(done.returncode != 0 and not done.stdout and "--exact %d" % python.pid in done.stderr,
                     "refuse: tracemalloc, " + option[0], done)
    done = tmattach("stats", "--older", "5", "--newer", "5", python.pid)
    report.check(done.returncode == 2, "refuse: no block is both", done)
    done = tmattach("stats", "--older", "long", python.pid)
    report.check(done.returncode == 2 and "90s" in done.stderr, "refuse: not a time", done)
    python.communicate(b"\n")


PYTHON = """
import sys
def burst():
    return [bytearray(200000) for _ in range(100)]
print("ready", flush=True)
for line in sys.stdin:
    if line == "burst\\n":
        burst()
    else:
        kept = [bytearray(100000) for _ in range(30)]
    print("done", flush=True)
"""


def python():
    """The recorder in CPython's own allocators, every block and some."""
    for how in (("--exact",), ("--exact", "--native"), ("--sample", "1K")):
        if how[-1] == "--native" and sys.version_info < (3, 10):
            continue
        target = subprocess.Popen([sys.executable, "-c", PYTHON], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  text=True, bufsize=1)
        line_of(target)
        done = tmattach("start", *(how + (target.pid,)))
        report.check(done.returncode == 0, "python: %s starts" % (how,), done)
        for word in ("burst", "keep"):
            target.stdin.write(word + "\n")
            target.stdout.readline()
        done = tmattach("stats", "--peak", "-f", "json", "--include", "<string>", target.pid)
        rows = json.loads(done.stdout)["statistics"] if done.stdout else []
        burst = [row for row in rows if row["traceback"][-1]["lineno"] == 4]
        report.check(len(burst) == 1 and 0.99 < burst[0]["size"] / 20000000 < 1.02 and
                     not [row for row in rows if row["traceback"][-1]["lineno"] == 10],
                     "python: %s has the burst at the peak" % (how,), done)
        done = tmattach("stats", "--older", "1h", "-f", "json", target.pid)
        report.check(done.returncode == 0 and json.loads(done.stdout)["statistics"] == [],
                     "python: %s: nothing is that old" % (how,), done)
        report.check(tmattach("stop", target.pid).returncode == 0, "python: stopped")
        target.communicate()


def main():
    parts = {"peak": peak, "sampled": sampled, "full": full, "ages": ages, "refuse": refuse, "python": python}
    for name in sys.argv[1:] or parts:
        parts[name]()
    report.close()


if __name__ == "__main__":
    main()
