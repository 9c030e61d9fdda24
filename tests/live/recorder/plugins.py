"""Modules that come and go while the recorder records.

    plugins.py [late|gone|frames|namespace|rewritten|relative|churn|tables|again|swap|blind|own ...]
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from harness import BUILD, HANG, Report, line_of  # noqa: E402

BIN = os.path.join(BUILD, "tests", "live", "recorder")
SOURCE = os.path.join(HERE, "plugin.c")
SIZE, TIMES = 1000, 500
report = Report()
scratch = tempfile.mkdtemp(prefix="tmattach-plugins-")
os.environ["XDG_CACHE_HOME"] = os.path.join(scratch, "cache")
os.mkdir(os.environ["XDG_CACHE_HOME"])


def tmattach(*args):
    return subprocess.run([os.path.join(BUILD, "tmattach")] + [str(a) for a in args],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=HANG)


def build(name, *flags, path=None, cc="gcc", size=SIZE):
    path = path or os.path.join(scratch, name + ".so")
    fresh = path + ".new"
    subprocess.run([cc, "-O2", "-g", "-fPIC", "-shared", "-DNAME=" + name, "-DSIZE=%d" % size,
                    "-o", fresh, SOURCE] + list(flags), check=True)
    os.rename(fresh, path)
    return path


def is_plugin(frame):
    return frame[0] not in OUTSIDE and not frame[1].startswith(("libc.", "plugins"))


class Host:
    def __init__(self, program="plugins", **kw):
        self.process = subprocess.Popen([os.path.join(BIN, program)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, **kw)
        self.pid = self.process.pid
        line_of(self.process)

    def __call__(self, *words):
        self.process.stdin.write((" ".join(map(str, words)) + "\n").encode())
        self.process.stdin.flush()
        return line_of(self.process).decode().strip()

    def start(self):
        started = tmattach("start", "--nframe", 20, self.pid)
        if started.returncode:
            report.check(False, "started", started.stderr)
        return started.stderr

    def groups(self):
        """{(the frames in plugins, oldest first, is the stack whole?): blocks of SIZE}"""
        return self.groups_by_size().get(SIZE, {})

    def groups_by_size(self):
        ret = {}
        for line in tmattach("traces", "-l", 0, "-f", "json", self.pid).stdout.splitlines():
            trace = json.loads(line)
            frames = [(f.get("function"), os.path.basename(f.get("module") or "")) for f in trace["traceback"]]
            key = (tuple("%s %s" % f for f in frames if is_plugin(f)), any(f[0] == "main" for f in frames))
            groups = ret.setdefault(trace["size"], {})
            groups[key] = groups.get(key, 0) + 1
        return ret

    def end(self):
        self.process.communicate(timeout=HANG)
        return self.process.returncode


OUTSIDE = ("_start", "main", "obey", "call_plugin", "swap")


def stack(name, module=None):
    """That of leak() in a plugin, as it should be."""
    return tuple("%s %s" % (f, module or name + ".so") for f in ("leak", name + "_outer", name + "_inner")), True


def check(name, host, want):
    got = host.groups()
    report.check(got == want, name, "\n  got  %s\n  want %s" % (got, want))


def finish(name, host):
    stopped = tmattach("stop", host.pid)
    report.check(stopped.returncode == 0 and "/memfd:tmattach-" not in open("/proc/%d/maps" % host.pid).read(),
                 name + ": nothing of ours after stop", stopped.stderr)
    report.check(host("call", 0, 1).startswith("called") and host.end() == 0, name + ": the program ends well")


# ---- late: loaded after the start, and never looked at before it allocates -------------------

def late():
    for program, cc in (("plugins", "gcc"), ("plugins-musl", "musl-gcc")):
        name = "late: " + program
        if not os.path.exists(os.path.join(BIN, program)):
            report.skip(name, "no musl-gcc")
            continue
        path = build("late", "-Wl,--eh-frame-hdr", cc=cc)
        host = Host(program)
        host.start()
        host("load", 0, path)
        host("call", 0, TIMES)
        check(name + ": whole stacks, before any look", host, {stack("late"): TIMES})
        host("call", 0, TIMES)
        check(name + ": the same after a look", host, {stack("late"): 2 * TIMES})
        finish(name, host)


# ---- gone: blocks of what was unloaded, with another in its place ------------------------------

def gone_one(name, first_before_start, *flags):
    first, second = build("first", *flags), build("second", *flags)
    build("spare")  # without a build-id a file is only believed that was there for a while
    host = Host()
    if not first_before_start:
        host.start()
    at = host("load", 0, first)
    if first_before_start:
        host.start()
    host("call", 0, TIMES)
    host("close", 0)
    check(name + ": it keeps its names", host, {stack("first"): TIMES})
    if not report.check(host("load", 0, second) == at, name + ": the other is in its place"):
        return host.end()
    check(name + ": with another in its place", host, {stack("first"): TIMES})
    host("call", 0, TIMES)
    check(name + ": each has its own", host, {stack("first"): TIMES, stack("second"): TIMES})
    host("close", 0)
    host("load", 0, first)
    host("call", 0, TIMES)
    again = host.groups()
    report.check(sum(again.values()) == 3 * TIMES and again.get(stack("first")) == 2 * TIMES and
                 again.get(stack("second")) == TIMES, name + ": the first is back", again)
    finish(name, host)


def gone():
    gone_one("gone: loaded before the start", True, "-Wl,--build-id")
    gone_one("gone: loaded after it", False, "-Wl,--build-id")
    gone_one("gone: without build-ids", False, "-Wl,--build-id=none")
    gone_one("gone: without build-ids, before the start", True, "-Wl,--build-id=none")


# ---- frames: in one place, of different size: rows of one do not serve the other -------------------

def frames():
    first, second = build("first", "-DFRAME=64"), build("second", "-DFRAME=4000")
    third = build("third", "-DFRAME=800")
    host = Host()
    at = host("load", 0, first)
    host.start()
    host("call", 0, TIMES)
    want = {stack("first"): TIMES}
    for name, path in (("second", second), ("third", third)):
        host("close", 0)
        if host("load", 0, path) != at:
            report.skip("frames: " + name, "it is in another place")
        host("call", 0, TIMES)
        want[stack(name)] = TIMES
    check("frames: each with its own unwind tables", host, want)
    finish("frames", host)


# ---- namespace: dlmopen() ---------------------------------------------------------------------

def namespace():
    path = build("apart")
    host = Host()
    host.start()
    # It has a C library of its own, whose functions are not hooked before somebody looks.
    host("new", 0, path)
    host("call", 0, TIMES)
    said = [tmattach("stats", host.pid).stderr for _ in range(2)]
    report.check(all("libc.so.6" in s and "an allocator of its own" in s for s in said),
                 "namespace: that its allocator came later is said", said)
    host("call", 0, TIMES)
    check("namespace: whole stacks", host, {stack("apart"): TIMES})
    host("close", 0)
    check("namespace: it keeps its names", host, {stack("apart"): TIMES})
    host("load", 0, path)
    finish("namespace", host)


# ---- rewritten: a new file under the same path ---------------------------------------------------

def rewritten_one(name, *flags):
    path = os.path.join(scratch, "plugin.so")
    build("old", *flags, path=path)
    build("spare")
    host = Host()
    host.start()
    host("load", 0, path)
    host("call", 0, TIMES)
    host("close", 0)
    check(name + ": before", host, {stack("old", "plugin.so"): TIMES})
    build("fresh", *flags, path=path)
    host("load", 0, path)
    host("call", 0, TIMES)
    got = host.groups()
    report.check(got.pop(stack("fresh", "plugin.so"), 0) == TIMES, name + ": the new file", got)
    report.check(list(got) == [(("None plugin.so",) * 3, True)] and sum(got.values()) == TIMES,
                 name + ": blocks of the old one have its module and no names", got)
    finish(name, host)


def rewritten():
    rewritten_one("rewritten: build-ids", "-Wl,--build-id")
    rewritten_one("rewritten: no build-ids", "-Wl,--build-id=none")


# ---- relative: the loader's path counts from where the program was ---------------------------------

def relative():
    build("near", "-Wl,--build-id")
    host = Host(cwd=scratch)
    host.start()
    host("load", 0, "./near.so")
    host("call", 0, TIMES)
    check("relative: mapped", host, {stack("near"): TIMES})
    host("close", 0)
    check("relative: gone", host, {stack("near"): TIMES})
    host("load", 0, "./near.so")
    finish("relative", host)


# ---- churn: one record for one plugin, however often it is loaded -----------------------------------

def churn():
    first, second = build("first", "-Wl,--build-id"), build("second", "-Wl,--build-id", "-DFRAME=800")
    host = Host()
    host.start()
    for _ in range(3000):
        for path in (first, second):
            host("load", 0, path)
            host("call", 0, 1)
            host("close", 0)
    check("churn: 6000 times", host, {stack("first"): 3000, stack("second"): 3000})
    host("load", 0, first)
    finish("churn", host)


# ---- tables: without a table there is nothing to find it by ----------------------------------------

def tables():
    path = build("bare", "-Wl,--no-eh-frame-hdr", "-fomit-frame-pointer")
    host = Host()
    host.start()
    host("load", 0, path)
    host("call", 0, TIMES)
    said = tmattach("stats", host.pid).stderr
    report.check("stacks that end early" in said, "tables: what is cut is said", said)
    host("call", 0, TIMES)
    got = host.groups()
    report.check(got.get(stack("bare")) == TIMES and sum(got.values()) == 2 * TIMES,
                 "tables: whole from the first look on", got)
    host("close", 0)
    host("load", 0, path)
    finish("tables", host)


# ---- again: hooks come and go, modules as well ---------------------------------------------------

def again():
    path = build("again")
    host = Host()
    for _ in range(20):
        host.start()
        host("load", 0, path)
        host("call", 0, TIMES)
        good = host.groups() == {stack("again"): TIMES}
        host("close", 0)
        good &= tmattach("stop", host.pid).returncode == 0
        if not good:
            break
    report.check(good, "again: 20 times")
    host.start()
    host("load", 0, path)
    finish("again", host)


# ---- swap: two take each other's place all the time, also while the recorder comes ----------------

def swap():
    first, second = build("first"), build("second", size=SIZE + 8)
    host = Host()
    host("path", 0, first)
    host("path", 1, second)
    host.process.stdin.write(b"swap 0 40000\n")
    host.process.stdin.flush()
    wrong, seen = [], 0
    for _ in range(8):
        host.start()
        for _ in range(3):
            groups = host.groups_by_size()
            for size, name in ((SIZE, "first"), (SIZE + 8, "second")):
                seen += sum(groups.get(size, {}).values())
                wrong += [group for group in groups.get(size, {}) if group != stack(name)]
        tmattach("stop", host.pid)
    report.check(seen > 0 and not wrong, "swap: %d blocks, each of its own plugin" % seen, wrong[:3])
    report.check(line_of(host.process).startswith(b"swapped"), "swap: the program goes on")
    host("load", 0, first)
    host.start()
    finish("swap", host)


# ---- blind: a loader that cannot be watched --------------------------------------------------------

def blind():
    first, second = build("first"), build("second")
    host = Host()
    at = host("load", 0, first)
    host("hide", 0)
    said = host.start()
    report.check("only seen when tmattach looks" in said, "blind: it is said", said)
    host("call", 0, TIMES)
    check("blind: what is there is named", host, {stack("first"): TIMES})
    host("close", 0)
    if host("load", 0, second) == at:
        host("call", 0, TIMES)
        got = host.groups()
        report.check(sum(got.values()) == 2 * TIMES and not any(f.startswith(("first", "second")) for g in got for f in g[0]),
                     "blind: in a place that had two nothing is named", got)
    finish("blind", host)


# ---- own: a plugin with an allocator comes and goes --------------------------------------------------

def own():
    path, times = build("own", "-DOWN", "-Wl,--build-id"), 20
    host = Host()
    host.start()
    for i in range(times):
        host("load", 0, path)
        said = tmattach("info", host.pid).stderr + tmattach("stats", host.pid).stderr
        # Its memory is that of the one before: blocks at the same addresses.
        host("call", 0, 10 + i)
        if i < times - 1:
            host("close", 0)
    report.check("own.so was loaded after the start with an allocator of its own" in said,
                 "own: it is said that it came later", said)
    got = sum(host.groups().values())
    report.check(got == 10 + times - 1, "own: hooked the %dth time as the first" % times, got)
    with open("/proc/%d/maps" % host.pid) as maps:
        areas = sum("memfd:tmattach-near" in line for line in maps)
    report.check(areas == 3, "own: one area for each of the three that are hooked", areas)
    finish("own", host)


if __name__ == "__main__":
    try:
        for part in sys.argv[1:] or ("late", "gone", "frames", "namespace", "rewritten", "relative",
                                     "churn", "tables", "again", "swap", "blind", "own"):
            globals()[part]()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    report.close()
