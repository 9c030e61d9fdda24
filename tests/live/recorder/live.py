"""The recorder in real processes. LONG=1 is the long form.

    live.py exact|looks|allocators|registers|frames|called|nested|own|jit|jitdump|jitdump_of_node|go|told|storm|manners|leaderless|elsewhere|refuse|memory|commands|python|programs ...
"""
import errno
import glob
import gzip
import hashlib
import json
import os
import random
import re
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from harness import BUILD, HANG, LONG, Report, line_of, state_of, stops, until  # noqa: E402

BIN = os.path.join(BUILD, "tests", "live", "recorder")
DRIVER = os.path.join(BUILD, "tests", "live", "recorder_driver")
GONE = 2 ** 64 - 1
report = Report()
scratch = tempfile.mkdtemp(prefix="tmattach-recorder-")
os.environ["XDG_CACHE_HOME"] = os.path.join(scratch, "cache")
os.mkdir(os.environ["XDG_CACHE_HOME"])


def driver(*args, prefix=(), **kw):
    return subprocess.run(list(prefix) + [DRIVER] + [str(a) for a in args], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=HANG, **kw)


def status(pid):
    out = driver("status", pid).stdout
    return {k: int(v) for k, v in (pair.split("=") for pair in out.split())}


def tmattach(*args, prefix=(), **kw):
    return subprocess.run(list(prefix) + [os.path.join(BUILD, "tmattach")] + [str(a) for a in args],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=HANG, **kw)


class Target:
    """A program that says when it is ready and ends when its input does."""

    def __init__(self, *argv, **kw):
        self.process = subprocess.Popen([str(a) for a in argv], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, **kw)
        self.pid = self.process.pid
        line_of(self.process)

    def step(self, n):
        self.process.stdin.write(b"%d\n" % n)
        self.process.stdin.flush()
        return line_of(self.process)

    def end(self):
        out, _ = self.process.communicate(timeout=HANG)
        return self.process.returncode, out.decode()


# ---- exact: against a log of every call ------------------------------------------

class Logged(Target):
    def __init__(self, seed, threads, allocator=None):
        shim = os.path.join(BIN, "shim-next.so" if allocator else "shim.so")
        self.log = os.path.join(scratch, "log")
        open(self.log, "w").close()
        env = dict(os.environ, LD_PRELOAD=shim, SHIM_LOG=self.log)
        if allocator:
            env["LD_PRELOAD"] += ":" + allocator
            if "tcmalloc" in allocator:
                env["CALM"] = "1"
        super().__init__(os.path.join(BIN, "workload"), seed, threads, env=env)

    def events(self):
        with open(self.log, "rb") as f:
            return struct.unpack("<Q", f.read(8))[0]

    def live(self, first):
        """What the log says is alive of what was taken from event `first` on."""
        end, live = self.events(), {}
        with open(self.log, "rb") as f:
            f.seek(64 + 16 * first)
            for address, size in struct.iter_unpack("<QQ", f.read(16 * (end - first))):
                if size == GONE:
                    live.pop(address, None)
                else:
                    live[address] = size
        return live


def blocks(pid):
    return {int(a, 16): int(s) for a, s in
            (line.split() for line in driver("blocks", pid).stdout.splitlines())}


def exact_one(seed, threads, steps, allocator=None):
    target = Logged(seed, threads, allocator)
    target.step(steps)
    first = target.events()
    started = driver("start", target.pid, 12)
    name = "exact: %sseed %d, %d threads" % (os.path.basename(allocator) + ", " if allocator else "",
                                             seed, threads)
    if not report.check(started.returncode == 0, name + ": started", started.stderr):
        target.end()
        return
    for _ in range(2):
        target.step(steps)
        want, got, now = target.live(first), blocks(target.pid), status(target.pid)
        wrong = set(want.items()) ^ set(got.items())
        report.check(len(wrong) <= now["dropped"] < 10, "%s: %d live blocks" % (name, len(want)),
                     "%d wrong, %d dropped: %s" % (len(wrong), now["dropped"], sorted(wrong)[:5]))
        report.check(now["dropped"] or (now["current"] == sum(want.values()) and
                                        now["count"] == len(want) and
                                        now["peak"] >= now["current"]),
                     name + ": counters", now)
    driver("clear", target.pid)
    report.check(blocks(target.pid) == {} and status(target.pid)["current"] == 0,
                 name + ": nothing after clear")
    cleared = target.events()
    target.step(steps)
    want, got = target.live(cleared), blocks(target.pid)
    report.check(len(set(want.items()) ^ set(got.items())) <= status(target.pid)["dropped"],
                 name + ": exact after clear")
    report.check(driver("stop", target.pid).stdout == "left=0\n", name + ": stopped")
    target.step(steps)
    code, _ = target.end()
    report.check(code == 0, name + ": the program ends well", code)


def exact():
    for seed in range(40 if LONG else 4):
        exact_one(seed, (1, 2, 4, 8)[seed % 4], 20000)
    sampled()


def allocators():
    """Others beside the C library's, which is there as well."""
    for name, package in (("libjemalloc.so.2", "libjemalloc2"),
                          ("libtcmalloc_minimal.so.4", "libtcmalloc-minimal4")):
        found = subprocess.run(["/sbin/ldconfig", "-p"], stdout=subprocess.PIPE, text=True).stdout
        paths = [line.split()[-1] for line in found.splitlines() if line.split()[:1] == [name]]
        if not paths:
            report.skip("exact: " + name, "no " + package)
            continue
        for seed in range(10 if LONG else 2):
            exact_one(seed, (4, 1)[seed % 2], 20000, paths[0])


def sampled():
    """Estimates of many small samples must not be biased."""
    ratios = []
    for seed in range(20 if LONG else 6):
        target = Logged(seed, 2)
        first = target.events()
        driver("start", target.pid, 4, 4096)
        target.step(30000)
        out = driver("sample", target.pid).stdout
        estimate = sum(int(a) * int(n) for a, n, *_ in map(str.split, out.splitlines()))
        ratios.append(estimate / sum(target.live(first).values()))
        driver("stop", target.pid)
        target.end()
    mean = sum(ratios) / len(ratios)
    report.check(0.9 < mean < 1.1, "exact: sampled totals are unbiased (mean %.3f)" % mean, ratios)


# ---- looks: what is read while the program goes on is of one instant ------------------

LIVE, LEAD, STEPS, FIRST_SIZE, KEPT_SIZE = 1500, 64, 4096, 1000, 100  # window.c


def newest(sizes, thread):
    """The last step of a thread of which the blocks are successive ones; None: they are not."""
    first = FIRST_SIZE + thread * STEPS
    steps = sorted(s - first for s in sizes if first <= s < first + STEPS)
    gaps = [i for i in range(1, len(steps)) if steps[i] != steps[i - 1] + 1]
    if not LIVE <= len(steps) <= LIVE + 1 or len(gaps) > 1 or \
            gaps and (steps[0], steps[-1]) != (0, STEPS - 1):
        return None
    return steps[gaps[0] - 1] if gaps else steps[-1]


def one_instant(out, pairs, kept):
    """What is wrong with a table of window's blocks."""
    lines = [tuple(line.split()) for line in out.splitlines()]
    sizes = [int(s) for _, s in lines]
    last = [newest(sizes, t) for t in range(2 * pairs)]
    wrong = [] if len({a for a, _ in lines}) == len(lines) else ["a block twice"]
    if sizes.count(KEPT_SIZE) != kept:
        wrong.append("%d of %d kept" % (sizes.count(KEPT_SIZE), kept))
    if None in last:
        return wrong + ["no successive steps: %s" % last]
    # One more: its block is there, its step is not yet over.
    ahead = [(last[2 * p] - last[2 * p + 1]) % STEPS for p in range(pairs)]
    return wrong + ["ahead by %d" % a for a in ahead if a > LEAD + 1]


def shared_memory(pid):
    with open("/proc/%d/status" % pid) as f:
        return next(int(line.split()[1]) for line in f if line.startswith("RssShmem"))


def full(target, kept):
    """Until the threads have as many as they ever have."""
    target.step(kept)
    end = time.monotonic() + HANG
    while time.monotonic() < end and one_instant(driver("blocks", target.pid, "stopped").stdout, 2, kept):
        pass


def looks_of(name, more, kept=40000, prefix=()):
    target = Target(os.path.join(BIN, "window"), 2)
    driver("start", target.pid, 4, *more)
    full(target, kept)
    before = shared_memory(target.pid)
    for i in range(200 if LONG else 25):
        how = ["stopped"] if i % 8 == 7 else []
        got = driver("blocks", target.pid, *how, prefix=prefix)
        wrong = one_instant(got.stdout, 2, kept)
        if not report.check(got.returncode == 0 and not wrong,
                            "looks: %s, %d%s" % (name, i, " (stopped)" if how else ""), (wrong, got.stderr)):
            break
    grown = shared_memory(target.pid) - before
    # What was freed since the peak is kept.
    report.check(grown < 8192, "looks: %s: what was noted down is given back" % name, "%d KiB" % grown)
    two_at_once(name, target, kept)
    report.check(driver("stop", target.pid).stdout == "left=0\n", "looks: %s: stopped" % name)
    code, out = target.end()
    report.check(code == 0 and out.endswith("ok\n"), "looks: %s ends well" % name, (code, out))


def two_at_once(name, target, kept):
    """Readers that know nothing of each other, and one that is killed."""
    for i in range(4):
        readers = [subprocess.Popen([DRIVER, "blocks", str(target.pid)], stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE, text=True) for _ in range(3)]
        readers[0].kill()
        outs = [reader.communicate(timeout=HANG) for reader in readers]
        # Two may be in each other's way: then they say so.
        wrong = [one_instant(out, 2, kept) for (out, _), reader in zip(outs, readers) if reader.returncode == 0]
        said = [err for (_, err), reader in zip(outs, readers) if reader.returncode > 0]
        report.check(not any(wrong) and all("another" in err or "already" in err for err in said),
                     "looks: %s: several readers, %d" % (name, i), (wrong, said))
    report.check(not one_instant(driver("blocks", target.pid).stdout, 2, kept),
                 "looks: %s: and one after them" % name)


def looks():
    looks_of("every block", ())
    looks_of("in a smaller table", (0, 512 << 20))
    if os.geteuid() == 0 and shutil.which("setpriv"):
        # Without the table's file: through the memory of the process.
        rights = "-sys_admin,-checkpoint_restore"
        looks_of("no rights", (), 400000, ["setpriv", "--bounding-set=" + rights, "--inh-caps=" + rights])
    else:
        report.skip("looks: no rights", "needs root and setpriv")


# ---- registers: callers may keep values in those that an allocator leaves alone ------

def kept(name, program, want):
    """Whatever is recorded, the program answers as it does without us."""
    target = Target(os.path.join(BIN, program))
    for state, args in (("not recorded", None), ("every block", (20,)), ("sampled", (20, 512 << 10)),
                        ("all sampled", (20, 1)), ("not any more", None)):
        recorded = args and driver("start", target.pid, *args)
        got = {n: target.step(n).decode().strip() for n in want}
        taken = status(target.pid)["peak"] if args else 0
        report.check(got == want and (state not in ("every block", "all sampled") or taken > 0),
                     "registers: %s, %s" % (name, state), "%s %s" % (got, recorded))
        if args:
            report.check(driver("stop", target.pid).stdout == "left=0\n", "registers: %s, %s: stopped" % (name, state))
    report.check(target.end()[0] == 0, "registers: %s ends well" % name)


def registers():
    # The second time in a forked child, where hooks do nothing.
    for name, program in (("two allocators", "registers"), ("one", "registers-static")):
        kept(name, program, {0: "ok", 1: "ok"})
    for name, program in (("in one unit", "keeper"), ("-flto", "keeper-lto")):
        kept(name, program, {1000: "1000 1000"})


# ---- storm: in and out of threads that only allocate ---------------------------------

def storm():
    rounds = 2000 if LONG else 25
    kinds = [("glibc", "storm", []), ("glibc, dlopen loop", "storm", ["libz.so.1"]),
             ("static glibc", "storm-static", []), ("musl", "storm-musl", []),
             ("static musl", "storm-musl-static", [])]
    for name, program, more in kinds:
        path = os.path.join(BIN, program)
        if not os.path.exists(path):
            report.skip("storm: " + name, "it could not be built (no musl-gcc?)")
            continue
        target = Target(path, 8, *more)
        limit = HANG * (40 if LONG else 1)
        out = subprocess.run([DRIVER, "soak", str(target.pid), str(rounds)], timeout=limit,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        code, said = target.end()
        report.check(out.returncode == 0 and code == 0 and said.startswith("ok "),
                     "storm: %s, %d rounds (%s)" % (name, rounds, out.stdout.strip()),
                     "%s\n%s\n%s" % (out.stdout, code, said))


# ---- frames: against libunwind inside the program ------------------------------------

DEPTH = 40


def until_stopped(process):
    return until(lambda: process.poll() is not None or state_of(process.pid) == "T") and process.returncode is None


def libunwind_says(path):
    with open(path, "rb") as f:
        data = f.read()
    record = struct.Struct("<QQ%dQ" % (DEPTH + 2))
    said = {}
    for fields in record.iter_unpack(data):
        if fields[0]:
            said[fields[0]] = fields[2:2 + fields[1]]
    return said


def same_frames(pcs, said):
    """libunwind starts in the shim, and both end at their own limits."""
    if not pcs or pcs[0] not in said[:4]:
        return False
    said = said[said.index(pcs[0]):]
    n = min(len(pcs), len(said))
    return pcs[:n] == said[:n] and (len(pcs) == len(said) or n >= DEPTH - 3)


def frames_of(name, argv, stops=0, **kw):
    log = os.path.join(scratch, "frames")
    open(log, "w").close()
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, env=dict(
        os.environ, LD_PRELOAD=os.path.join(BIN, "frames.so"), FRAMES_LOG=log, **kw))
    until_stopped(process)
    driver("start", process.pid, DEPTH)
    os.kill(process.pid, signal.SIGCONT)
    until_stopped(process)
    for _ in range(stops):
        driver("sample", process.pid)
        driver("clear", process.pid)
        os.kill(process.pid, signal.SIGCONT)
        until_stopped(process)
    out, said, same, total = driver("stacks", process.pid).stdout, libunwind_says(log), 0, 0
    for line in out.splitlines():
        address, _, *pcs = line.split()
        if int(address, 16) in said:
            total += 1
            same += same_frames(tuple(int(pc, 16) for pc in pcs), said[int(address, 16)])
    driver("stop", process.pid)
    while process.poll() is None:
        os.kill(process.pid, signal.SIGCONT)
        until_stopped(process)
    code = process.returncode
    report.check(code == 0 and total > 100 and same >= 0.999 * total,
                 "frames: %s: %d of %d stacks as libunwind has them" % (name, same, total), code)


def frames():
    if not os.path.exists(os.path.join(BIN, "frames.so")):
        report.skip("frames", "no libunwind to build the shim with")
        return
    cc1 = subprocess.run(["gcc", "-print-prog-name=cc1"], stdout=subprocess.PIPE, text=True).stdout.strip()
    if os.path.isabs(cc1):
        frames_of("cc1", [cc1, "-quiet", "-O2", source(), "-o", "/dev/null"])
    plus = subprocess.run(["g++", "-print-prog-name=cc1plus"], stdout=subprocess.PIPE, text=True).stdout.strip() \
        if shutil.which("g++") else ""
    if os.path.isabs(plus):
        includes = ("regex", "map", "string", "vector", "algorithm") if LONG else ("vector",)
        cxx, pre = os.path.join(scratch, "source.cc"), os.path.join(scratch, "source.ii")
        with open(cxx, "w") as f:
            f.write("".join("#include <%s>\n" % i for i in includes) +
                    "std::vector<int> f(int n) { std::vector<int> v(n); v.push_back(n); return v; }\n")
        subprocess.run(["g++", "-E", cxx, "-o", pre], check=True)
        frames_of("cc1plus", [plus, "-quiet", "-O2", pre, "-o", "/dev/null"])
    else:
        report.skip("frames: cc1plus", "no g++")
    script = os.path.join(scratch, "frames.py")
    with open(script, "w") as f:
        f.write("import json, os, re, signal\njson.loads('[1]')\n"
                "os.kill(os.getpid(), signal.SIGSTOP)\n"
                "kept = [(json.loads('[%d]' % i), re.compile('a%d' % i)) for i in range(300)]\n"
                "os.kill(os.getpid(), signal.SIGSTOP)\n")
    # Modules loaded since the start are noticed by the first sample.
    frames_of("python3", ["/usr/bin/python3", "-S", script], stops=1, PYTHONMALLOC="malloc")


# ---- called: who called is told, or that it is not known -----------------------------

def largest_stack(pid):
    """The functions of the stack with most bytes, oldest first, and what was said."""
    got = tmattach("stats", "-k", "traceback", "-l", 1, "-f", "json", pid)
    frames = json.loads(got.stdout)["statistics"][0]["traceback"] if got.returncode == 0 else []
    return [f.get("function") or f["filename"] for f in frames], got.stderr


def told_in_the_first_round(pid):
    saved = os.path.join(scratch, "cut.tms")
    tmattach("dump", "-o", saved, pid)
    said = tmattach("top", "-b", "-n", 3, "-d", 0.01, pid, saved).stderr
    report.check(said.count("end early") == 2, "called: two sources, told once of each", said)


def called():
    for name in ("static", "no-table", "debug-frame", "debug-frame-gz", "separate", "frame-pointer", "nothing"):
        target = Target(os.path.join(BIN, "called-" + name))
        started = driver("start", target.pid, 20)
        target.step(1000)
        frames, said = largest_stack(target.pid)
        if name == "nothing":
            text = tmattach("stats", "-k", "traceback", "-l", 1, target.pid).stdout
            right = frames == ["<cut>", "inner"] and "\n  <cut>\n" in text and "% of the traced memory has stacks that end early" in said
        else:
            right = frames[-3:] == ["main", "outer", "inner"] and "<cut>" not in frames and "early" not in said
        report.check(right, "called: %s" % name, "%s %s %s" % (frames, said, started.stderr))
        if name == "nothing":
            told_in_the_first_round(target.pid)
        driver("stop", target.pid)
        target.end()


# ---- nested: what one allocator takes from another is part of a block ----------------

def nested():
    # Wherever the stack's pages end.
    for pad in range(0, 4096, 512):
        nested_one(pad)


def nested_one(pad):
    target = Target(os.path.join(BIN, "called-no-table"),
                    env=dict(os.environ, PAD="x" * pad, LD_PRELOAD=os.path.join(BIN, "header.so")))
    driver("start", target.pid, 20)
    target.step(1000)
    got = sorted(blocks(target.pid).values())
    want = [1000] * 1000
    report.check(got == want, "nested: 1000 blocks of an allocator above another (%d)" % pad,
                 "%d of %d bytes, sizes %s" % (len(got), sum(got), sorted(set(got))))
    driver("stop", target.pid)
    if pad == 0:
        nested_sampled(target)
    target.end()


def nested_sampled(target):
    driver("start", target.pid, 20, 4096)
    target.step(40000)
    sizes = {s for s in blocks(target.pid).values()}
    estimate = status(target.pid)["current"] / 40e6
    report.check(sizes == {1000} and 0.95 < estimate < 1.05, "nested: sampled, %.3f of the truth" % estimate, sizes)
    driver("stop", target.pid)


# ---- own: allocators that are not the C library's ------------------------------------

def own_one(name, program, want, *options):
    target = Target(os.path.join(BIN, program))
    started = tmattach("start", "--nframe", 20, *options, target.pid)
    target.step(2000)
    got = sorted(blocks(target.pid).values())
    report.check(got == want, "own: " + name, "%d blocks, sizes %s %s" % (len(got), sorted(set(got)), started.stderr))
    driver("stop", target.pid)
    code, _ = target.end()
    report.check(code == 0, "own: %s ends well" % name, code)


def own():
    own_one("under a known prefix", "own-prefix", [1000] * 1000)
    own_one("named by the user", "own-given", [1000] * 1000, "--alloc", "pool_take:2", "--free", "pool_give")
    own_one("named twice, by an alias, of the family, idle", "own-given", [1000] * 1000,
            *"--alloc pool_take:2 --alloc pool_take:2 --alloc pool_alias:2 --alloc malloc "
             "--free pool_give --free free --free pool_idle".split())
    own_one("not named", "own-given", [1032] * 1000)
    own_one("a free() that does nothing", "own-idle", [1000] * 2000)
    own_refreshed()
    own_loaded()
    own_refused()
    own_missed()
    own_needed()
    operators()
    target = Target(os.path.join(BIN, "own-given"))
    got = tmattach("start", "--alloc", "pool_gives", target.pid)
    report.check(got.returncode == 2 and "pool_gives" in got.stderr,
                 "own: a name that no function has is refused", got)
    target.end()
    unseen()
    separate()


def own_refreshed():
    """The first function of an image has no hook: that the others have theirs is seen all the same."""
    program = os.path.join(BIN, "own-idle-first")
    symbols = subprocess.run(["nm", "-D", "-p", "--defined-only", program], stdout=subprocess.PIPE, text=True)
    names = [line.split()[-1] for line in symbols.stdout.splitlines()]
    report.check([n for n in names if n in ("free", "malloc", "calloc")][0] == "free",
                 "own: refreshed: free() is the first of its functions", names)
    target = Target(program)
    driver("start", target.pid)
    areas = near_areas(target.pid)
    for n in (1000, 2000):
        target.step(1000)
        got = sorted(blocks(target.pid).values())
        report.check(got == [1000] * n and near_areas(target.pid) == areas,
                     "own: refreshed: nothing is hooked twice", (len(got), areas, near_areas(target.pid)))
    report.check(driver("stop", target.pid).stdout == "left=0\n", "own: refreshed: stopped")
    report.check(target.step(1000) == b"done\n", "own: refreshed: the program goes on after it")
    code, _ = target.end()
    report.check(code == 0, "own: refreshed: ends well", code)


def own_loaded():
    """Hooks that come later are for the recorder that is there, which may be another build's."""
    target = Target(os.path.join(BIN, "own-given"))
    driver("start", target.pid)
    code = int([m[0] for m in mappings(target.pid) if "tmattach-code" in m[-1]][0].split("-")[0], 16)
    areas = near_areas(target.pid)
    with open("/proc/%d/mem" % target.pid, "r+b", 0) as mem:
        mem.seek(code + 40 + 7 * 4)  # struct tm_recorder_code: hooks[TM_HOOK_NEW], which a C program has not
        hook = code + struct.unpack("<I", mem.read(4))[0]
        mem.seek(hook)
        changed = bytes(b ^ 255 for b in mem.read(8))
        mem.seek(hook)
        mem.write(changed)
        target.process.stdin.write(os.path.join(BIN, "header.so").encode() + b"\n")
        said = target.step(1000), line_of(target.process)
        got = sorted(blocks(target.pid).values())
        mem.seek(hook)
        now = mem.read(8)
    report.check(said == (b"done\n", b"done\n") and got.count(1032) == 500 and near_areas(target.pid) == areas + 1,
                 "own: loaded: an allocator that comes later is hooked", (said, len(got), areas, near_areas(target.pid)))
    report.check(now == changed, "own: loaded: the recorder is not written again", (changed, now))
    report.check(driver("stop", target.pid).stdout == "left=0\n", "own: loaded: stopped")
    code, _ = target.end()
    report.check(code == 0, "own: loaded: ends well", code)


def own_refused():
    """One that cannot be hooked takes no place, and does not keep others from having theirs."""
    target = Target(os.path.join(BIN, "own-given"))
    driver("start", target.pid)
    areas = near_areas(target.pid)
    for n in range(20):
        copy = os.path.join(scratch, "odd-%d.so" % n)
        shutil.copy(os.path.join(BIN, "odd.so"), copy)
        target.process.stdin.write(copy.encode() + b"\n")
        target.step(0)
        line_of(target.process)
        driver("blocks", target.pid)
    said = tmattach("stats", target.pid).stderr
    report.check(re.search("nothing that odd-[0-9]+.so allocates is seen: its function realloc cannot be hooked", said),
                 "own: refused: it is said", said)
    report.check(near_areas(target.pid) == areas, "own: refused: no areas are left", (areas, near_areas(target.pid)))
    target.process.stdin.write(os.path.join(BIN, "header.so").encode() + b"\n")
    target.step(1000)
    line_of(target.process)
    got = sorted(blocks(target.pid).values())
    report.check(got.count(1032) == 500 and near_areas(target.pid) == areas + 1,
                 "own: refused: what is recorded still is, and another's functions are hooked",
                 (len(got), areas, near_areas(target.pid)))
    report.check(driver("stop", target.pid).stdout == "left=0\n", "own: refused: stopped")
    code, _ = target.end()
    report.check(code == 0, "own: refused: ends well", code)


def own_missed():
    """What only gives out memory, and cannot be hooked, is missed alone; what does nothing, or only
    hands on to what is hooked, is not missed."""
    target = Target(os.path.join(BIN, "own-given"),
                    env=dict(os.environ, LD_PRELOAD=os.path.join(BIN, "odd-missed.so")))
    started = tmattach("start", target.pid)
    report.check(started.returncode == 0 and
                 re.search("(memalign, valloc|valloc, memalign) cannot be hooked", started.stderr),
                 "own: missed: it is said", started)
    target.step(100)
    got = sorted(blocks(target.pid).values())
    report.check(got.count(1032) == 50, "own: missed: what others give is recorded", got)
    report.check(driver("stop", target.pid).stdout == "left=0\n", "own: missed: stopped")
    code, _ = target.end()
    report.check(code == 0, "own: missed: ends well", code)


def own_needed():
    """Without what takes blocks back those that are gone would count: nothing is brought in."""
    target = Target(os.path.join(BIN, "own-given"),
                    env=dict(os.environ, LD_PRELOAD=os.path.join(BIN, "odd.so")))
    before = state(target.pid)
    got = tmattach("start", target.pid)
    report.check(got.returncode == 4 and "its function realloc cannot be hooked: it is too short" in got.stderr and
                 "count as alive" in got.stderr, "own: needed: refused, and why", got)
    report.check(state(target.pid) == before, "own: needed: all is as it was")
    code, _ = target.end()
    report.check(code == 0, "own: needed: ends well", code)


def operators():
    """operator new: nothing can be thrown through a hook, and its variant that throws nothing may call it."""
    for name, want in (("own", 1000), ("static", 1000), ("throws", 1000), ("short", 0)):
        target = Target(os.path.join(BIN, "operators-" + name))
        started = tmattach("start", "--nframe", 20, target.pid)
        for _ in range(2):
            said = target.step(1000)
            got = [size for size in blocks(target.pid).values() if size == 1000]
        report.check(started.returncode == 0 and said == b"done\n" and len(got) == want and
                     ("operator new cannot be hooked" in started.stderr) == (name == "short"),
                     "own: operators: %s: all blocks or a word, and what is thrown is caught" % name,
                     (started.stderr, said, len(got)))
        report.check("after the start" not in tmattach("stats", target.pid).stderr,
                     "own: operators: %s: a look finds what the start found" % name)
        driver("stop", target.pid)
        said, (code, _) = target.step(10), target.end()
        report.check(said == b"done\n" and code == 0, "own: operators: %s ends well" % name, (said, code))
    target = Target(os.path.join(BIN, "operators-throws"))
    got = tmattach("start", "--alloc", "pool_take", target.pid)
    report.check(got.returncode == 4 and "pool_take may throw" in got.stderr,
                 "own: operators: what may throw is not hooked because it is named", got)
    report.check(target.step(10) == b"done\n" and target.end()[0] == 0, "own: operators: it goes on")


def near_areas(pid):
    with open("/proc/%d/maps" % pid) as maps:
        return maps.read().count("tmattach-near")


def unseen():
    """What is not recorded is said, where it is much."""
    renamed = os.path.join(scratch, "php-own")
    shutil.copy(os.path.join(BIN, "own-unknown"), renamed)
    for program, blind, because in (("own-prefix", False, ""), ("own-unknown", True, "--alloc"),
                                    (renamed, True, "USE_ZEND_ALLOC=0")):
        target = Target(os.path.join(BIN, program))
        name = os.path.basename(program)
        started = tmattach("start", target.pid)
        report.check(("USE_ZEND_ALLOC=0" in started.stderr) == (program == renamed),
                     "own: unseen: %s: what is known of it is said at the start" % name, started.stderr)
        target.step(100)
        little = tmattach("stats", target.pid).stderr
        target.step(80000)
        much = tmattach("stats", target.pid).stderr
        tmattach("clear", target.pid)
        after = tmattach("stats", target.pid).stderr
        report.check("the process grew" not in little + after and
                     ("the process grew" in much) == blind and because in much,
                     "own: unseen: %s: growth is %s" % (name, "said" if blind else "seen"),
                     (little, much, after))
        target.end()


def separate():
    """Symbols that stand in another file: what debuginfod's client has fetched."""
    stripped, whole = (os.path.join(BIN, "called-" + name) for name in ("stripped", "static"))
    translator = os.path.join(scratch, "massif-one")
    shutil.copy(stripped, translator)
    target = Target(translator)
    got = tmattach("start", target.pid)
    report.check(got.returncode == 4 and "valgrind" in got.stderr and "do not strip" not in got.stderr,
                 "own: unseen: a program that valgrind executes is refused, and why", got)
    target.end()
    notes = subprocess.run(["readelf", "-n", stripped], stdout=subprocess.PIPE, text=True).stdout
    build_id = notes.split("Build ID:")[1].split()[0]
    target = Target(stripped)
    got = tmattach("start", target.pid)
    report.check(got.returncode == 4 and "without symbols" in got.stderr, "own: static and stripped is refused", got)
    place = os.path.join(os.environ["XDG_CACHE_HOME"], "debuginfod_client", build_id)
    os.makedirs(place)
    subprocess.run(["objcopy", "--only-keep-debug", whole, os.path.join(place, "debuginfo")], check=True)
    got = tmattach("start", "--nframe", 20, target.pid)
    target.step(1000)
    frames, said = largest_stack(target.pid)
    report.check(frames[-3:] == ["main", "outer", "inner"], "own: symbols from a separate debug file",
                 "%s %s %s" % (frames, said, got.stderr))
    target.end()


# ---- jit: code that a program generates ------------------------------------------------

def jit():
    target = Target(os.path.join(BIN, "jit"))
    driver("start", target.pid, 20)
    for name in ("LMain;run", "LMain;again(int)"):
        target.process.stdin.write(b"1000 %s\n" % name.encode())
        target.process.stdin.flush()
        line_of(target.process)
        frames, said = largest_stack(target.pid)
        report.check(frames[-3:] == ["main", name, "grab"], "jit: generated code is called %s" % name,
                     "%s %s" % (frames, said))
    threads = tmattach("threads", target.pid)
    report.check(threads.returncode == 0, "jit: threads", threads.stderr)
    driver("stop", target.pid)
    target.end()


# In the file the last is not the latest: two threads of a compiler have written it.
DUMPED = (("first", 5, "first"), ("second(int)", 9, "second(int)"), ("older", 7, "second(int)"),
          ("third", 10, "third"))


def jitdump():
    target = Target(os.path.join(BIN, "jit"), "dump", cwd=scratch)
    driver("start", target.pid, 20)
    for name, when, right in DUMPED:
        target.process.stdin.write(b"1000 %s %d\n" % (name.encode(), when))
        target.process.stdin.flush()
        line_of(target.process)
        frames, said = largest_stack(target.pid)
        report.check(frames[-3:] == ["main", right, "grab"],
                     "jitdump: generated code is called %s" % right, "%s %s" % (frames, said))
    csv = tmattach("stats", "-k", "lineno", "--no-skip", "-f", "csv", "-c", target.pid)
    report.check("made.x,42," in csv.stdout, "jitdump: and has its lines", csv.stdout)
    with open(os.path.join(scratch, "jit-%d.dump" % target.pid), "ab") as f:
        f.write(struct.pack("<IIQ", 0, 1 << 31, 99) + b"x" * 100)
    target.step(1000)
    frames, said = largest_stack(target.pid)
    report.check(frames[-3:] == ["main", "third", "grab"], "jitdump: a record that is not complete",
                 "%s %s" % (frames, said))
    driver("stop", target.pid)
    target.end()


JS = """
function innermost(n) { let s = 0; for (let i = 0; i < n; i++) s += Math.sqrt(i); return s; }
for (let i = 0; i < 200; i++) innermost(100000);
for (let i = 0; i < 8000; i++) new Function('a', 'return a + ' + i)(i);
console.log('ready');
for (;;) innermost(1e9);
"""


def jitdump_of_node():
    """node writes its file by the mebibyte: others have to come after a function."""
    if not shutil.which("node"):
        report.skip("jitdump: node", "there is none")
        return
    script = os.path.join(scratch, "spin.js")
    with open(script, "w") as f:
        f.write(JS)
    target = Target("node", "--perf-prof", "--always-sparkplug", script, cwd=scratch)
    got = tmattach("threads", target.pid)
    report.check(re.search(r"JS:.innermost .*spin.js", got.stdout), "jitdump: node's names", got.stdout)
    target.process.kill()
    target.process.wait()


GO = """
package main
import ("os"; "time")
//go:noinline
func waitHere() { time.Sleep(time.Millisecond); os.Stdout.WriteString("ready\\n"); os.Stdin.Read(make([]byte, 1)) }
func main() { waitHere() }
"""


def go_build(name, text, *options, **env):
    """The program; None: there is no compiler."""
    if not shutil.which("go"):
        report.skip("go: " + name, "there is no compiler")
        return None
    source = os.path.join(scratch, name + ".go")
    with open(source, "w") as f:
        f.write(text)
    subprocess.run(["go", "build", *options, "-o", os.path.join(scratch, name), source], check=True,
                   env=dict(os.environ, HOME=scratch, GO111MODULE="off", **env))
    return os.path.join(scratch, name)


def go():
    for mode in ("exe", "pie"):
        program = go_build("wait-" + mode, GO, "-buildmode=" + mode, "-ldflags=-s -w", CGO_ENABLED="0")
        if not program:
            return
        target = Target(program)
        until(lambda: "waitHere" in tmattach("threads", target.pid).stdout)
        got = tmattach("threads", target.pid)
        report.check(re.search(r"main.waitHere at .*wait-%s.go:5\n" % mode, got.stdout) and
                     re.search(r"main.main at .*wait-%s.go:6\n" % mode, got.stdout),
                     "go: names and lines of a stripped program, " + mode, got.stdout)
        got = tmattach("start", target.pid)
        report.check(got.returncode == 4 and "malloc" in got.stderr and "Go's runtime" in got.stderr and
                     "strip" not in got.stderr, "go: without C start is refused, and why, " + mode, got)
        target.end()


# ---- told: what is less than was asked for -------------------------------------------

def told():
    target = Target(os.path.join(BIN, "called-no-table"))
    got = tmattach("start", "--nframe", 400, target.pid)
    report.check(got.returncode == 0 and "128 frames at most" in got.stderr, "told: more frames than there are", got)
    driver("stop", target.pid)
    driver("start", target.pid, 4, 0, 1 << 20)
    target.step(400000)
    dropped = status(target.pid)["dropped"]
    got = tmattach("stats", target.pid)
    report.check(dropped > 0 and got.returncode == 5 and "no room for" in got.stderr,
                 "told: a table that is full", (dropped, got.returncode, got.stderr))
    driver("stop", target.pid)
    target.end()


# ---- manners: nothing is left behind -----------------------------------------------------

def mappings(pid):
    with open("/proc/%d/maps" % pid) as f:
        return [line.split(maxsplit=5) for line in f]


def code_hash(pid):
    """What its files' code looks like in its memory."""
    digest = hashlib.sha256()
    with open("/proc/%d/mem" % pid, "rb", 0) as mem:
        for span, perms, *_, in mappings(pid):
            if "x" in perms and not span.startswith("ffff"):
                lo, hi = (int(x, 16) for x in span.split("-"))
                mem.seek(lo)
                digest.update(mem.read(hi - lo) or b"")
    return digest.hexdigest()


def state(pid):
    lines = [(m[0], m[1]) for m in mappings(pid) if len(m) < 6 or m[5].strip() != "[heap]"]
    return lines, sorted(os.listdir("/proc/%d/fd" % pid)), code_hash(pid)


def manners():
    target = Logged(3, 2)
    target.step(5000)
    before = state(target.pid)
    driver("start", target.pid, 8)
    during = mappings(target.pid)
    report.check(any("tmattach-code" in " ".join(m) for m in during), "manners: the recorder is in")
    report.check(not any("w" in m[1] and "x" in m[1] for m in during),
                 "manners: nothing is writable and executable", during)
    report.check(code_hash(target.pid) != before[2], "manners: the code is patched")
    again = driver("start", target.pid)
    report.check(again.returncode == 1 and "already" in again.stderr,
                 "manners: a second start is refused", again.stderr)
    os.kill(target.pid, signal.SIGSTOP)
    report.check(driver("sample", target.pid).returncode == 0 and driver("stop", target.pid).returncode == 0,
                 "manners: a stopped process is read and left")
    report.check(stops(target.pid), "manners: it stays stopped")
    os.kill(target.pid, signal.SIGCONT)
    report.check(state(target.pid) == before, "manners: mappings, descriptors and code as before",
                 [a for a, b in zip(before, state(target.pid)) if a != b])
    report.check(driver("status", target.pid).returncode == 3, "manners: not traced any more")
    target.step(5000)
    report.check(target.end()[0] == 0, "manners: the program ends well")
    forked()
    resting()
    remaining()
    at_the_clock()
    at_the_clock(3 << 20)
    at_the_clock(1, 20)
    moved()
    mapped()
    brooding()


def resting():
    """Threads in a malloc that does not return are led past us by a stop."""
    target = Target(os.path.join(BIN, "rester"))
    before = state(target.pid)
    driver("start", target.pid, 8)
    target.step(1)
    driver("clear", target.pid)
    report.check(blocks(target.pid) == {}, "manners: cleared while threads rest in malloc")
    stopped = driver("stop", target.pid)
    report.check(stopped.stdout == "left=0\n" and code_hash(target.pid) == before[2] and
                 not any("tmattach" in " ".join(m) for m in mappings(target.pid)),
                 "manners: nothing is left while threads rest in malloc", stopped.stdout + stopped.stderr)
    again = driver("start", target.pid, 8)
    report.check(again.returncode == 0 and driver("stop", target.pid).stdout == "left=0\n",
                 "manners: started and stopped again while they rest", again.stderr)
    said = target.step(2)
    report.check(said == b"ok\n" and target.end()[0] == 0,
                 "manners: and they return with what they held", said)


def remaining():
    """A thread that does come back through us keeps the code, but nobody out."""
    def ours(pid):
        return sum("tmattach-code" in " ".join(m) for m in mappings(pid))

    target = Target(os.path.join(BIN, "rester"), "new")
    driver("start", target.pid, 8)
    target.step(1)
    stopped = tmattach("stop", target.pid)
    report.check(stopped.returncode == 0 and "rests inside" in stopped.stderr and ours(target.pid) == 1 and
                 not any("tmattach-table" in " ".join(m) for m in mappings(target.pid)),
                 "manners: the code stays, without its table, for a thread that comes back through it", stopped.stderr)
    started = driver("start", target.pid, 8)
    report.check(started.returncode == 0 and ours(target.pid) == 2 and status(target.pid)["count"] == 0,
                 "manners: another recorder is started beside", started.stderr)
    again = tmattach("start", target.pid)
    report.check(again.returncode == 0 and "already" in again.stderr + again.stdout,
                 "manners: and it is the one that is found", again.stderr)
    stopped = tmattach("stop", target.pid)
    report.check("rests inside" in stopped.stderr and ours(target.pid) == 1,
                 "manners: it goes, the other stays", stopped.stderr)
    said = target.step(2)
    report.check(said == b"ok\n", "manners: the thread comes back with what it asked for", said)
    stopped = tmattach("stop", target.pid)
    report.check(stopped.returncode == 0 and "rests" not in stopped.stderr and ours(target.pid) == 0 and
                 not any("tmattach" in " ".join(m) for m in mappings(target.pid)),
                 "manners: the next stop takes out what had stayed", stopped.stderr)
    report.check(target.end()[0] == 0, "manners: and it ends well")


def at_the_clock(*how):
    """A thread that asks the vDSO for the time comes back to us: it keeps the code and the
    table for as long."""
    target = Target(os.path.join(BIN, "clocker"), *how)
    driver("start", target.pid, 8)
    target.step(1)
    stopped = tmattach("stop", target.pid)
    report.check(stopped.returncode == 0 and "rests inside" in stopped.stderr and
                 any("tmattach-table" in " ".join(m) for m in mappings(target.pid)),
                 "manners: all stays for a thread that is at the clock", stopped.stderr)
    said = target.step(2)
    report.check(said == b"ok\n", "manners: which comes back", said)
    stopped = tmattach("stop", target.pid)
    report.check(stopped.returncode == 0 and "rests" not in stopped.stderr and
                 not any("tmattach" in " ".join(m) for m in mappings(target.pid)),
                 "manners: the next stop takes out what it kept", stopped.stderr)
    report.check(target.end()[0] == 0, "manners: and it ends well")


def moved():
    """A thread stands where a hook is to be written, whenever one looks."""
    target = Target(os.path.join(BIN, "mover"), 0)
    started = driver("start", target.pid, 8)
    report.check(started.returncode == 0, "manners: started while a thread stands where a hook comes",
                 started.stderr)
    said = target.step(1)
    report.check(said.startswith(b"ok "), "manners: and that thread's work is right", said)
    stopped = driver("stop", target.pid)
    report.check(stopped.stdout == "left=0\n" and target.end()[0] == 0,
                 "manners: and it ends well", stopped.stdout + stopped.stderr)


def mapped():
    """Only what is loaded has functions; what is mapped beside is data, and
    stays as it is."""
    libc = [m[5].strip() for m in mappings(os.getpid()) if len(m) > 5 and "/libc.so" in m[5]][0]
    target = Target(os.path.join(BIN, "mapper"), libc)
    before = target.step(1)
    started = driver("start", target.pid, 8)
    report.check(started.returncode == 0, "manners: started while the C library is mapped as data, too",
                 started.stderr)
    during = target.step(1)
    found = list(blocks(target.pid).values()).count(4711)
    stopped = driver("stop", target.pid)
    after = target.step(1)
    report.check(before == during == after, "manners: what is mapped as data does not change",
                 (before, during, after))
    report.check(found == 1, "manners: the C library of another namespace is recorded", found)
    report.check(stopped.stdout == "left=0\n" and target.end()[0] == 0, "manners: and it ends well",
                 stopped.stderr)


def brooding():
    """Children that are forked at any instant inherit nothing that is only
    there for that instant, nor the table."""
    target = Target(os.path.join(BIN, "brood"))
    wrong = []
    for _ in range(300 if LONG else 30):
        started, stopped = driver("start", target.pid, 8), driver("stop", target.pid)
        wrong += [out.stderr for out in (started, stopped) if out.returncode]
    code, said = target.end()
    report.check(not wrong and code == 0 and said.startswith("ok "),
                 "manners: children inherit no descriptor and no table (%s)" % said.strip(), wrong)


def forked():
    """A child has the hooks without the table; it can be traced for itself."""
    target = Target(os.path.join(BIN, "forker"))
    driver("start", target.pid, 8)
    child = int(target.step(1))
    report.check(driver("status", child).returncode == 3, "manners: a child is not traced")
    started = driver("start", child, 8)
    report.check(started.returncode == 0, "manners: a child can be started", started.stderr)
    before = status(child).get("count")
    target.step(1)  # the child allocates 100 blocks of 77 bytes
    now = blocks(child)
    report.check(before == 0 and sum(1 for s in now.values() if s == 77) == 100,
                 "manners: the child's blocks", sorted(now.values()))
    report.check(77 not in blocks(target.pid).values(), "manners: they are not the parent's")
    report.check(driver("stop", child).returncode == 0 and
                 driver("stop", target.pid).returncode == 0, "manners: both are stopped")
    target.step(1)
    report.check(target.end()[0] == 0, "manners: parent and child end well")
    heirs()


def heirs():
    """What a child has inherited goes with its parent's recorder; one of its own stays."""
    for own in (False, True):
        target = Target(os.path.join(BIN, "forker"))
        driver("start", target.pid, 8)
        child = int(target.step(1))
        if own:
            driver("start", child, 8)
        hooked = code_hash(child)
        got = tmattach("stop", target.pid)
        there = any("tmattach-" in " ".join(m) for m in mappings(child))
        report.check(got.returncode == 0 and there == own and (code_hash(child) == hooked) == own,
                     "manners: a child's %s after its parent was stopped" %
                     ("own recorder stays" if own else "hooks are gone"), got.stderr)
        if own:
            report.check(driver("stop", child).stdout == "left=0\n", "manners: the child's own is stopped")
        target.step(1)
        report.check(target.end()[0] == 0, "manners: both end well")


def leaderless():
    """The main thread has ended, the process has not: by its id, and by that of
    the thread that goes on."""
    target = Target(os.path.join(BIN, "leaderless"))
    other = max(int(tid) for tid in os.listdir("/proc/%d/task" % target.pid))
    for name, pid in (("its own id", target.pid), ("its thread's id", other)):
        name = "a process without its main thread, by %s: " % name
        said = tmattach("threads", pid).stdout
        report.check("Thread %d" % other in said and "work" in said, name + "threads", said)
        started = tmattach("start", "--nframe", 5, pid)
        target.step(1)
        stats = tmattach("stats", "-f", "json", "-k", "traceback", pid)
        sizes = [s["size"] for s in json.loads(stats.stdout or "{}").get("statistics", ())]
        report.check(started.returncode == 0 and sizes == [4711], name + "start and stats",
                     started.stderr + stats.stderr + stats.stdout[:500])
        info = json.loads(tmattach("info", "-f", "json", pid).stdout or "{}")
        report.check(info.get("source", {}).get("pid") == target.pid, name + "info", info)
        report.check("%d native" % target.pid in " ".join(tmattach("ps").stdout.split()), name + "ps")
        for command in ("reset-peak", "clear", "stop"):
            out = tmattach(command, pid)
            report.check(out.returncode == 0 and not out.stderr, name + command, out.stderr)
    report.check(target.end()[0] == 0, "a process without its main thread ends well")


# ---- refuse ---------------------------------------------------------------------------------

def refused(name, pid, *words, prefix=()):
    out = subprocess.run(list(prefix) + [DRIVER, "start", str(pid)], stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True, timeout=HANG)
    report.check(out.returncode == 1 and all(w in out.stderr for w in words),
                 "refuse: " + name, out.stderr)


def refuse_32_bit():
    path = os.path.join(BIN, "forker32")
    if not os.path.exists(path):
        return report.skip("refuse: a 32-bit program", "no 32-bit compiler")
    try:
        target = Target(path)
    except OSError as e:
        if e.errno != errno.ENOEXEC:
            raise
        return report.skip("refuse: a 32-bit program", "this kernel runs none")
    refused("a 32-bit program", target.pid, "32-bit")
    target.end()


def refuse():
    stripped = os.path.join(scratch, "stripped")
    shutil.copy(os.path.join(BIN, "storm-static"), stripped)
    subprocess.run(["strip", stripped], check=True)
    target = Target(stripped, 1)
    refused("a stripped static program", target.pid, "static program without symbols")
    report.check(target.end()[1].startswith("ok"), "refuse: the static program runs on")
    refuse_32_bit()
    target = Target(os.path.join(BIN, "forker"), "seccomp")
    if os.geteuid() == 0 and shutil.which("setpriv"):
        refused("a seccomp filter without the right to suspend it", target.pid, "seccomp",
                prefix=["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin"])
        started = driver("start", target.pid)
        report.check(started.returncode == 0 and driver("stop", target.pid).returncode == 0,
                     "refuse: with that right it is started and stopped", started.stderr)
    else:
        report.skip("refuse: a seccomp filter", "needs root and setpriv")
    report.check(target.end()[0] == 0, "refuse: the filtered program runs on")
    strict()
    others()
    no_room()


def no_room():
    """An address space with no room for the table, then with none for anything."""
    for more in (1 << 20, 0):
        target = Target(os.path.join(BIN, "forker"))
        with open("/proc/%d/statm" % target.pid) as f:
            size = int(f.read().split()[0]) * 4096 + more
        resource.prlimit(target.pid, resource.RLIMIT_AS, (size, size))
        before = state(target.pid)
        out = tmattach("start", target.pid)
        report.check(out.returncode in (1, 4) and out.stdout == "" and "may not map memory" in out.stderr,
                     "refuse: no room (%d bytes)" % more, (out.returncode, out.stderr))
        report.check(state(target.pid) == before, "refuse: no room (%d bytes): all is as it was" % more)
        target.end()


def others():
    """Whom one may not attach to without privileges."""
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        report.skip("refuse: processes of others", "needs root and setpriv")
        return
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    os.chmod(scratch, 0o755)
    program = os.path.join(scratch, "setuid")
    shutil.copy(os.path.join(BIN, "forker"), program)
    os.chmod(program, 0o4755)
    for name, target in (("a process of another user", Target(os.path.join(BIN, "forker"))),
                         ("a setuid program", Target(*nobody, program))):
        before = state(target.pid)
        out = tmattach("start", target.pid, prefix=nobody)
        report.check(out.returncode == 4 and out.stdout == "" and str(target.pid) in out.stderr and
                     ("CAP_SYS_PTRACE" in out.stderr or "root" in out.stderr),
                     "refuse: %s without permission" % name, (out.returncode, out.stderr))
        report.check(state(target.pid) == before, "refuse: %s: nothing has changed" % name)
        target.end()
    for mode, told in ((0o4755, True), (0o755, False)):
        os.chmod(program, mode)
        out = tmattach("run", "--", program, prefix=nobody, stdin=subprocess.DEVNULL)
        report.check(("set-user-ID" in out.stderr) == told, "refuse: run of a program of mode %o" % mode,
                     (out.returncode, out.stderr))


def strict():
    target = Target(os.path.join(BIN, "forker"), "strict")
    if os.geteuid() == 0 and shutil.which("setpriv"):
        out = tmattach("start", target.pid,
                       prefix=["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin"])
        report.check(out.returncode == 4 and "seccomp" in out.stderr,
                     "refuse: strict seccomp without the right to suspend it", (out.returncode, out.stderr))
        out = tmattach("start", target.pid)
        report.check(out.returncode == 0 and tmattach("stop", target.pid).returncode == 0,
                     "refuse: strict seccomp: with that right it is started and stopped", out.stderr)
    else:
        report.skip("refuse: strict seccomp", "needs root and setpriv")
    target.process.stdin.close()
    report.check(target.process.wait(HANG) == 0, "refuse: strict seccomp: the program ends well")


# ---- elsewhere: other users, other namespaces ---------------------------------------------------

def elsewhere_one(name, target, pid):
    started = tmattach("start", "--nframe", 8, pid)
    target.step(1)  # it forks and prints, which takes a block or two
    stats = tmattach("stats", "-k", "traceback", pid)
    stopped = tmattach("stop", pid)
    report.check(started.returncode == stats.returncode == stopped.returncode == 0 and
                 stats.stdout.startswith("[ Top"),
                 "elsewhere: %s: started, read and stopped" % name,
                 started.stderr + stats.stderr + stopped.stderr + stats.stdout)
    target.step(1)
    target.step(1)
    target.process.stdin.close()
    report.check(target.process.wait(HANG) == 0, "elsewhere: %s: it ends well" % name)


def elsewhere():
    forker = os.path.join(BIN, "forker")
    if os.geteuid() != 0 or not shutil.which("setpriv") or not shutil.which("unshare"):
        report.skip("elsewhere", "needs root, setpriv and unshare")
        return
    target = Target("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", forker)
    elsewhere_one("another user", target, target.pid)
    target = Target("unshare", "-mp", "--fork", forker)
    with open("/proc/%d/task/%d/children" % (target.pid, target.pid)) as f:
        inner = int(f.read().split()[0])
    elsewhere_one("mount and pid namespace", target, inner)
    # The program's file is not there under its name for us.
    hidden = os.path.join(scratch, "hidden")
    os.mkdir(hidden)
    target = Target("unshare", "-m", "sh", "-c", "mount -t tmpfs none %s && cp %s %s/other && exec %s/other" %
                    (hidden, forker, hidden, hidden))
    elsewhere_one("a file that only it can see", target, target.pid)


# ---- memory -----------------------------------------------------------------------------------------

def memory():
    """At most 72 bytes per live block, stacks aside."""
    live = 400000
    target = subprocess.Popen([os.path.join(BUILD, "tests", "bench", "recorder_pairs"), "1", str(live)],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
    line_of(target)
    got = driver("start", target.pid, 8)
    report.check(got.returncode == 0, "memory: the recorder starts", got.stderr)
    for turns in (1, 2, 4):
        target.stdin.write("%d\n" % (live * turns))
        line_of(target)
        got = driver("memory", target.pid)
        if not report.check(got.returncode == 0, "memory: it is read", got.stderr):
            break
        now = {k: int(v) for k, v in (p.split("=") for p in got.stdout.split())}
        report.check(now["count"] > live / 2 and now["slots"] <= 72 * now["count"],
                     "memory: %d live blocks, %.1f bytes each" % (now["count"], now["slots"] / now["count"]), now)
    target.communicate("0\n")


# ---- commands: all of them, on a program without any Python ------------------------------------------

def commands():
    target = Target(os.path.join(BIN, "workload"), 1, 1, env=dict(
        os.environ, LD_PRELOAD=os.path.join(BIN, "shim.so"), SHIM_LOG=os.path.join(scratch, "log")))
    before, after = os.path.join(scratch, "before.tms"), os.path.join(scratch, "after.tms")

    def check(words, status=0, said=""):
        got = tmattach(*words)
        report.check(got.returncode == status and said in got.stdout + got.stderr,
                     "commands: %s of a native program" % " ".join(map(str, words[:1])),
                     (got.returncode, got.stdout[:300], got.stderr))

    check(["stop", target.pid], said="was not tracing")
    check(["start", "--nframe", 8, target.pid])
    target.step(2000)
    check(["dump", target.pid, "-o", before])
    check(["info", target.pid], said="native")
    check(["info", "-f", "json", target.pid], said='"memory":{"rss":')
    check(["stats", target.pid], said="size=")
    check(["stats", "-k", "traceback", "-f", "pretty", target.pid], said="memory blocks")
    check(["traces", "-l", 3, target.pid], said=":")
    check(["top", "-b", "-n", 1, target.pid], said="native, traced: ")
    check(["threads", target.pid], said="Native")
    check(["ps"], said="%d native" % target.pid)
    check(["reset-peak", target.pid])
    target.step(2000)
    check(["dump", target.pid, "-o", after])
    check(["diff", before, after], said="differences")
    check(["where", target.pid, "0x1000"], said="no trace of 0x1000")
    address, size = max(blocks(target.pid).items(), key=lambda block: block[1])
    check(["where", "-f", "json", target.pid, hex(address)], said='"size":%d,' % size)
    check(["clear", target.pid])
    check(["stop", target.pid])
    check(["info", target.pid], 4, "tmattach start")
    report.check(target.end()[0] == 0, "commands: the program ends well")


# ---- names: any bytes are a path --------------------------------------------------------------------

def names():
    place = os.path.join(os.fsencode(scratch), b"caf\xe9")
    os.mkdir(place)
    program = os.path.join(place, b"workload")
    shutil.copy(os.path.join(BIN, "workload"), program)
    target = Target(os.fsdecode(program), 1, 1)
    tmattach("start", "--nframe", 8, target.pid)
    target.step(2000)
    for suffix in ("tms", "pickle", "json"):
        path = os.path.join(scratch, "names." + suffix)
        dumped = tmattach("dump", target.pid, "-o", path)
        again = tmattach("stats", path)
        report.check(dumped.returncode == again.returncode == 0 and again.stdout,
                     "names: a path that is not UTF-8: a .%s is read back" % suffix,
                     dumped.stderr + again.stderr)
    tmattach("stop", target.pid)
    report.check(target.end()[0] == 0, "names: the program ends well")


# ---- python: what tracemalloc cannot see --------------------------------------------------------------

def python():
    script = os.path.join(scratch, "leak.py")
    with open(script, "w") as f:
        f.write("import sys\nkept = []\nprint('ready', flush=True)\n"
                "for line in sys.stdin:\n"
                "    kept += [bytearray(100000) for _ in range(50)]\n"
                "    print('done', flush=True)\n")
    others = sorted(glob.glob(os.path.expanduser("~/.pyenv/versions/3.1[0-9].*/bin/python3")))
    for version in ["/usr/bin/python3"] + others[-1:]:
        if os.path.exists(version):
            python_one(version, script)


def python_one(version, script):
    target = Target(version, script)
    name = "python: " + version
    before, after = os.path.join(scratch, "before.tms"), os.path.join(scratch, "after.tms")
    refused = tmattach("start", "--in-core", target.pid)
    report.check(refused.returncode == 2 and "--recorder" in refused.stderr,
                 name + ": --in-core without a recorder", refused.stderr)
    started = tmattach("start", "--recorder", "--nframe", 20, target.pid)
    report.check(started.returncode == 0, name + ": started", started.stderr)
    target.step(1)
    dumped = tmattach("dump", "--recorder", target.pid, "-o", before)
    target.step(1)
    stats = tmattach("stats", "--recorder", "-f", "json", "-k", "traceback", target.pid)
    first = (json.loads(stats.stdout or "{}").get("statistics") or [{"count": 0}])[0]
    report.check(stats.returncode == 0 and first["count"] == 100 and first["size"] >= 10000000 and
                 len(first["traceback"]) > 5, name + ": stats", (stats.stderr, first))
    top = tmattach("top", "--recorder", "-b", "-n", 1, target.pid)
    report.check(top.returncode == 0 and "traces: 10" in top.stdout, name + ": top", top.stderr + top.stdout[:500])
    again = tmattach("dump", "--recorder", target.pid, "-o", after)
    diff = tmattach("diff", "-f", "json", "-k", "traceback", before, after)
    grown = [d for d in json.loads(diff.stdout or "{}").get("differences", ())
             if d["count_diff"] == 50 and d["size_diff"] >= 5000000]
    report.check(dumped.returncode == again.returncode == diff.returncode == 0 and len(grown) == 1,
                 name + ": dump and diff", dumped.stderr + again.stderr + diff.stderr + diff.stdout[:500])
    info = tmattach("info", "--recorder", target.pid)
    report.check(info.returncode == 0, name + ": info", info.stderr)
    stopped = tmattach("stop", "--recorder", target.pid)
    report.check(stopped.returncode == 0 and not any("tmattach" in " ".join(m) for m in mappings(target.pid)),
                 name + ": stopped", stopped.stderr)
    report.check(tmattach("stats", "--recorder", target.pid).returncode == 3, name + ": not traced any more")
    target.step(1)
    report.check(target.end()[0] == 0, name + ": it ends well")


# ---- programs not written here -----------------------------------------------------------------

def rounds_into(argv, stdin=None):
    """Run a program with the recorder going in and out; (status, stdout, rounds)."""
    with open(os.path.join(scratch, "out"), "w+b") as out:
        process = subprocess.Popen(argv, stdin=stdin, stdout=out, stderr=subprocess.DEVNULL)
        done = 0
        while process.poll() is None:
            if driver("start", process.pid, 20).returncode == 0:
                driver("sample", process.pid)
                done += 1
                driver("stop", process.pid)
        out.seek(0)
        return process.returncode, hashlib.sha256(out.read()).hexdigest(), done


def unchanged(name, argv, stdin=None):
    def open_in():
        return open(stdin, "rb") if stdin else subprocess.DEVNULL
    with open_in() if stdin else open(os.devnull) as f:
        plain = subprocess.run(argv, stdin=f, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    with open_in() if stdin else open(os.devnull) as f:
        code, digest, done = rounds_into(argv, f)
    report.check(code == plain.returncode == 0 and done > 0 and
                 digest == hashlib.sha256(plain.stdout).hexdigest(),
                 "programs: %s gives the same under %d rounds" % (name, done), (code, plain.returncode, done))


def programs():
    if shutil.which("xz"):
        unchanged("xz", ["xz", "-9", "-T2", "-c", text(3 << 20)])
    else:
        report.skip("programs: xz", "not installed")
    if shutil.which("sqlite3"):
        script = os.path.join(scratch, "script.sql")
        with open(script, "w") as f:
            f.write("create table t(a integer, b text);\n"
                    "with recursive n(i) as (select 1 union all select i + 1 from n where i < 400000)"
                    " insert into t select i, hex(i * 7919 % 65537) || '-' || i from n;\n"
                    "create index i on t(b);\n"
                    "select b, count(*), sum(a) from t group by substr(b, 1, 3) order by 1;\n")
        unchanged("sqlite3", ["sqlite3", ":memory:"], script)
    else:
        report.skip("programs: sqlite3", "not installed")
    cc1 = subprocess.run(["gcc", "-print-prog-name=cc1"], stdout=subprocess.PIPE, text=True).stdout.strip()
    if os.path.isabs(cc1):
        unchanged("cc1", [cc1, "-quiet", "-O2", source(), "-o", "-"])
    else:
        report.skip("programs: cc1", "not installed")
    if shutil.which("redis-server") and shutil.which("redis-benchmark"):
        redis()
    else:
        report.skip("programs: redis", "not installed")
    if shutil.which("nginx"):
        nginx()
    else:
        report.skip("programs: nginx", "not installed")
    if subprocess.run(["perl", "-Mthreads", "-e", "1"], stderr=subprocess.DEVNULL).returncode == 0:
        perl()
    else:
        report.skip("programs: perl", "no perl with threads")


def text(size):
    path = os.path.join(scratch, "text")
    rng = random.Random(5)
    words = [bytes(rng.randrange(97, 123) for _ in range(rng.randrange(2, 9))) for _ in range(4000)]
    with open(path, "wb") as f:
        while f.tell() < size:
            f.write(b" ".join(rng.choices(words, k=200)) + b"\n")
    return path


def source():
    path = os.path.join(scratch, "source.c")
    with open(path, "w") as f:
        for i in range(400):
            f.write("int f%d(int a, int *b) { int s = a; for (int i = 0; i < a; i++) "
                    "{ b[i] = b[i] * %d + s; s ^= b[(i * %d) %% 16]; if (s %% 7 == %d) s += b[i]; } "
                    "return s; }\n" % (i, i + 3, i + 1, i % 7))
    return path


def own_mappings(pid, *options):
    """Sizes of what it has mapped itself, by start --maps."""
    done = tmattach("traces", "-f", "json", "-l", 0, "--include-domain", 68, *(options + (pid,)))
    return [json.loads(line)["size"] for line in done.stdout.splitlines()] if done.returncode == 0 else done


def maps_nothing(pid, load, name):
    """All that it maps is its allocator's, which blocks are."""
    started = tmattach("start", "--maps", "--nframe", 20, pid)
    load()
    now, peak = own_mappings(pid), own_mappings(pid, "--peak")
    stopped = tmattach("stop", pid)
    report.check(started.returncode == stopped.returncode == 0 and now == peak == [],
                 "programs: %s: what its malloc maps is malloc's" % name, (started, now, peak, stopped))


THREADS = """
use threads; $| = 1; print "ready\n"; <STDIN>;
my @all = map { threads->create(sub { my %h; $h{$_} = "x" x 100 for 1..2000; return scalar keys %h }) } 1..3;
$_->join for @all; my $s = "x" x (20 << 20); undef $s; print "done\n"; <STDIN>; print "end\n";
"""


def stacks_of(pid):
    """Where a page to guard it and a stack of threads are: glibc keeps them."""
    with open("/proc/%d/maps" % pid) as f:
        lines = [line.split() for line in f]
    at = [[int(a, 16) for a in line[0].split("-")] + [line[1]] for line in lines]
    return {b[0]: b[1] - a[0] for a, b in zip(at, at[1:])
            if a[1] == b[0] and a[1] - a[0] == 4096 and (a[2], b[2]) == ("---p", "rw-p") and b[1] - b[0] >= 1 << 20}


def perl():
    """Threads that free before they allocate; their stacks are all that is mapped beside malloc's."""
    with subprocess.Popen(["perl", "-e", THREADS], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        line_of(server)
        started = tmattach("start", "--maps", "--nframe", 20, server.pid)
        before = stacks_of(server.pid)
        server.stdin.write(b"\n")
        server.stdin.flush()
        line_of(server)
        grown = [size for at, size in stacks_of(server.pid).items() if at not in before]
        now, old = own_mappings(server.pid), own_mappings(server.pid, "--older", "1d")
        report.check(started.returncode == 0 and len(now) == 3 and now == grown and old == [],
                     "programs: perl: stacks of threads, %s by the kernel" % grown, (started, now, old))
        stopped = tmattach("stop", server.pid)
        report.check(stopped.returncode == 0 and server.communicate(b"\n")[0].endswith(b"end\n"),
                     "programs: perl goes on after stop", stopped)


def redis():
    sock = os.path.join(scratch, "redis.sock")
    server = subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", sock, "--save", "",
                               "--dir", scratch], stdout=subprocess.DEVNULL)

    def cli(*args):
        return subprocess.run(["redis-cli", "-s", sock] + list(args), stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True).stdout

    def allocated():
        info = dict(line.split(":", 1) for line in cli("info", "memory").splitlines() if ":" in line)
        return int(info["used_memory"])

    until(lambda: "PONG" in cli("ping") or server.poll() is not None)
    before = allocated()
    started = driver("start", server.pid, 20)
    report.check(started.returncode == 0, "programs: redis-server is started", started.stderr)
    bench = subprocess.run(["redis-benchmark", "-s", sock, "-q", "-n", "20000", "-r", "100000", "-d", "300",
                            "-t", "set,lpush,sadd,hset"], stdout=subprocess.DEVNULL)
    grown, now = allocated() - before, status(server.pid)
    # redis counts the size classes of jemalloc, the recorder what was asked
    # for; a resized hash table of before the start counts as grown here.
    report.check(bench.returncode == 0 and now["dropped"] == 0 and
                 0.75 * grown < now["current"] < 1.05 * grown + 65536,
                 "programs: redis: %d traced, %d by its own count" % (now["current"], grown), now)
    cli("flushall", "sync")
    after, left = allocated() - before, status(server.pid)["current"]
    report.check(left < grown / 20, "programs: redis: %d left after flushall (%d by its count)" % (left, after))
    report.check(driver("stop", server.pid).stdout == "left=0\n" and "PONG" in cli("ping"),
                 "programs: redis goes on after stop")
    maps_nothing(server.pid, lambda: subprocess.run(["redis-benchmark", "-s", sock, "-q", "-n", "4000", "-d", "30000",
                                                     "-r", "3000", "-t", "set"], stdout=subprocess.DEVNULL), "redis")
    report.check("PONG" in cli("ping"), "programs: redis goes on after that")
    cli("shutdown", "nosave")
    report.check(server.wait(HANG) == 0, "programs: redis ends well")


def nginx():
    import http.client
    import socket
    root, sock = os.path.join(scratch, "www"), os.path.join(scratch, "nginx.sock")
    os.makedirs(root)
    os.chmod(scratch, 0o755)
    for name, size in (("page", 70000), ("large", 3000000)):
        with open(os.path.join(root, name), "wb") as f:
            f.write(b"x" * size)
    conf = os.path.join(scratch, "nginx.conf")
    with open(conf, "w") as f:
        f.write("daemon off; master_process off; pid %s/nginx.pid; error_log %s/error.log;\n"
                "events {}\nhttp { access_log off; gzip on; gzip_types *; output_buffers 1 4m; "
                "server { listen unix:%s; root %s; } }\n" % (scratch, scratch, sock, root))
    server = subprocess.Popen(["nginx", "-c", conf, "-p", scratch], stderr=subprocess.DEVNULL)

    def fetch(n, name="page", size=70000):
        good = 0
        for _ in range(n):
            connection = http.client.HTTPConnection("localhost")
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.connect(sock)
            connection.request("GET", "/" + name, headers={"Accept-Encoding": "gzip"} if size > 70000 else {})
            body = connection.getresponse().read()
            good += (gzip.decompress(body) if size > 70000 else body) == b"x" * size
            connection.close()
        return good

    def listens():
        with socket.socket(socket.AF_UNIX) as one:
            return one.connect_ex(sock) == 0

    until(lambda: listens() or server.poll() is not None)
    good = fetch(5)
    driver("start", server.pid, 20)
    good += fetch(300)
    now = status(server.pid)
    report.check(good == 305 and now["peak"] > 4000 and now["dropped"] == 0,
                 "programs: nginx answers 300 requests, %(peak)d bytes at most, %(current)d now" % now, now)
    driver("stop", server.pid)
    report.check(fetch(5) == 5, "programs: nginx goes on after stop")
    maps_nothing(server.pid, lambda: fetch(5, "large", 3000000), "nginx")
    report.check(fetch(5) == 5, "programs: nginx goes on after that")
    server.send_signal(signal.SIGQUIT)
    report.check(server.wait(HANG) == 0, "programs: nginx ends well")


if __name__ == "__main__":
    try:
        for part in sys.argv[1:] or ("exact", "looks", "allocators", "registers", "frames", "called", "nested", "own", "jit", "jitdump", "jitdump_of_node", "go", "told", "storm", "manners",
                                     "leaderless", "elsewhere", "refuse", "memory", "commands", "names",
                                     "python", "programs"):
            globals()[part]()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    report.close()
