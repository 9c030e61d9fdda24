"""What a process has memory for beside traced blocks: `info` of native programs, and mappings
that are recorded (`start --maps`).

    maps.py [before|freed|stacks|kinds|unknown|mapped|apart|threads|peak|ages|storms|rounds|commands ...]
"""
import json
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import ages as aging  # noqa: E402
from harness import (BUILD, LONG, TMATTACH, Report, line_of, tmattach,  # noqa: E402
                     tmattach_ok)

PROGRAM = os.path.join(BUILD, "tests", "live", "recorder", "maps")
MIB = 1 << 20
PAGE = 4096
report = Report()

SUMS = {
    "rss": ("file_maps", "anonymous"),
    "file_maps": ("files", "shared"),
    "shared": ("tracer_shared", "shared_other"),
    "anonymous": ("malloc_used_resident", "malloc_free_resident", "stacks", "images", "mapped",
                  "unseen"),
    "malloc_size": ("malloc_used", "malloc_free"),
    "malloc_used": ("malloc_traced", "malloc_untraced", "malloc_overhead"),
}


class Program:
    def __init__(self, argv=None, **kw):
        self.process = subprocess.Popen(argv or [PROGRAM], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, **kw)
        self.pid = self.process.pid
        line_of(self.process)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def __call__(self, *words):
        self.process.stdin.write((" ".join(map(str, words)) + "\n").encode())
        self.process.stdin.flush()
        return line_of(self.process).decode().strip()

    def memory(self, *options):
        return json.loads(tmattach("info", "-f", "json", *options, self.pid).out)["memory"]

    def info(self):
        return tmattach("info", self.pid).text


def wrong_sums(memory):
    return ["%s: %s, not %s" % (whole, memory[whole], [(p, memory.get(p, 0)) for p in parts])
            for whole, parts in SUMS.items()
            if whole in memory and any(p in memory for p in parts)
            and memory[whole] != sum(memory.get(p, 0) for p in parts)]


def before():
    """Blocks from before the start are told from those that are traced, to the byte."""
    with Program() as program:
        program("blocks", 1000, 1000)
        program("blocks", 1, 3 * MIB)
        tmattach_ok("start", program.pid)
        first = program.memory()
        program("blocks", 500, 2000)
        program("blocks", 1, 2 * MIB)
        for how in ([], ["--no-fork"], ["--freeze"]):
            memory = program.memory(*how)
            name = "blocks from before%s" % "".join(how)
            want = 500 * 2000 + 2 * MIB
            report.check(memory.get("malloc_traced") == memory["traced"] == want, name + ": traced",
                         memory)
            # malloc_usable_size() of 1000 bytes is 1000; a large one has its pages.
            old = 1000 * 1000 + 3 * MIB
            report.check(old <= memory.get("malloc_untraced", 0) <= old + 6 * PAGE,
                         name + ": the others", memory)
            report.check(not wrong_sums(memory), name + ": parts sum to their whole",
                         wrong_sums(memory))
        report.check("malloc_traced" not in first, "nothing is traced yet: not told", first)


def freed():
    """What is free in arenas is told, and what to do about it."""
    with Program() as program:
        tmattach_ok("start", program.pid)
        program("arenas", 8)
        memory, text = program.memory(), program.info()
        kept = 8 * (20000 * 8 + 40 * 480)
        report.check(memory["traced"] >= kept == memory["malloc_traced"] - memory["traced"] + kept
                     and memory["malloc_free_resident"] > 64 * MIB
                     and memory["malloc_arenas"] > 2
                     and memory["malloc_free_most"] <= memory["malloc_free"],
                     "free chunks of arenas", memory)
        report.check("RSS is freed memory in malloc arenas" in text and "MALLOC_ARENA_MAX" in text,
                     "and what can be done", text)
        report.check(not wrong_sums(memory), "freed: parts sum to their whole", wrong_sums(memory))
        program("private", 512 * MIB)
        report.check("advice" not in program.memory(), "no advice where it is something else",
                     memory)


def stacks():
    """Those of threads that nobody joins."""
    with Program() as program:
        tmattach_ok("start", program.pid)
        was = program.memory()
        program("threads", 200)
        memory = program.memory()
        more = memory["stacks"] - was["stacks"]
        report.check(200 * PAGE <= more <= 200 * 4 * PAGE, "200 stacks: %d B" % more, memory)
        report.check(memory["mapped"] - was["mapped"] < 64 * PAGE, "and no other mappings",
                     (was, memory))
        report.check(not wrong_sums(memory), "stacks: parts sum to their whole",
                     wrong_sums(memory))


def kinds():
    """Each kind grows by what it got."""
    with Program() as program:
        tmattach_ok("start", program.pid)
        was = program.memory()
        program("private", 8 * MIB)
        program("shared", 16 * MIB)
        memory = program.memory()
        for key, size in (("mapped", 8 * MIB), ("shared", 16 * MIB)):
            more = memory[key] - was[key]
            report.check(abs(more - size) <= 8 * PAGE, "%s: %d B more" % (key, more),
                         (was, memory))
        for key in ("malloc_used", "malloc_free", "images"):
            report.check(abs(memory[key] - was[key]) <= 16 * PAGE, "%s: none" % key,
                         (was, memory))
        report.check(not wrong_sums(memory), "kinds: parts sum to their whole",
                     wrong_sums(memory))


def unknown():
    """An allocator that is not known: said, and not guessed."""
    library = "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2"
    if not os.path.exists(library):
        report.skip("unknown", "no libjemalloc")
        return
    with Program(env=dict(os.environ, LD_PRELOAD=library)) as program:
        tmattach_ok("start", program.pid)
        program("blocks", 1000, 1000)
        memory, text = program.memory(), program.info()
        report.check("malloc_size" not in memory and "malloc_used_resident" not in memory
                     and memory["mapped"] >= 1000 * 1000 and not wrong_sums(memory),
                     "jemalloc's memory is among the mappings", memory)
        report.check(re.search("size of malloc: *libjemalloc.so.2's, which is not analysed", text)
                     and re.search("^    heap, maps: ", text, re.M), "and it is said", text)


# ---- start --maps --------------------------------------------------------------

VARIANTS = [name for name in (PROGRAM, PROGRAM + "-static", PROGRAM + "-musl")
            if os.path.exists(name)]


def label(program):
    return os.path.basename(program)


def traces(program, *options):
    out = tmattach("traces", "-f", "json", "-l", 0, *options, program.pid).text
    return [json.loads(line) for line in out.splitlines()]


def of(found, *functions):
    """Sizes of what these have mapped."""
    return sorted(t["size"] for t in found if t["domain"] == 68
                  and any(f.get("function") in functions for f in t["traceback"]))


def started(program, *options):
    result = tmattach("start", "--maps", "--nframe", 20, *options, program.pid)
    if result.status or "mappings in domain 68" not in result.err:
        report.check(False, "started", result)
    return result


def mapped():
    """Each kind by who made it; what is no memory, what malloc maps, and what is gone, not."""
    for path in VARIANTS:
        with Program([path]) as program:
            started(program)
            program("private", 5 * MIB)
            program("shared", 7 * MIB)
            program("file", MIB)
            program("blocks", 1, 9 * MIB)
            program("blocks", 30000, 100)
            found = traces(program)
            report.check(of(found, "private") == [5 * MIB], label(path) + ": private", found[-9:])
            report.check(of(found, "shared") == [7 * MIB], label(path) + ": memfd_create()",
                         found[-9:])
            report.check(of(found, "file") == [], label(path) + ": a file is no memory", found[-9:])
            sizes = [t["size"] for t in found if t["domain"] == 0]
            report.check(of(found, "blocks") == [] and sizes.count(9 * MIB) == 1
                         and sizes.count(100) == 30000,
                         label(path) + ": what malloc maps is malloc's", found[-9:])
            if "musl" not in path:
                program("grow", 3 * MIB)
                program("grow", -2 * MIB)
                report.check(of(traces(program), "grow") == [MIB], label(path) + ": sbrk()",
                             traces(program)[-9:])
            program("raw", MIB)
            raw = len(traces(program)) - len(found)
            report.check(raw == (0 if "musl" in path else 1), label(path) + ": not what nobody saw",
                         raw)
            result = tmattach("stop", program.pid)
            report.check(result.status == 0 and program("private", 4096) == "done",
                         label(path) + ": stopped", result)


def apart():
    """Never in one sum without a word, and filters by domain."""
    with Program() as program:
        started(program)
        program("private", 64 * MIB)
        program("blocks", 10, 1000)
        result = tmattach("stats", "-f", "json", program.pid)
        info = json.loads(tmattach("info", "-f", "json", program.pid).text)
        traced = info["traced_memory"]["current"]
        domains = {d["domain"]: d["size"] for d in info["domains"]}
        report.check("domain 68" in result.err, "a word where they are in one sum", result.err)
        report.check(domains[68] == 64 * MIB and domains[0] == traced == 10000,
                     "traced memory is what was allocated", info)
        for options, want in ((["--include-domain", 68], 64 * MIB), (["--exclude-domain", 68], 10000)):
            stats = json.loads(tmattach("stats", "-f", "json", *options, program.pid).text)
            report.check(stats["total"]["size"] == want, " ".join(map(str, options)), stats)
        where = [t for t in traces(program) if t["domain"] == 68]
        report.check(len(where) == 1 and where[0]["traceback"][-1]["function"] == "private",
                     "its stack begins with who maps", where)
        tmattach("clear", program.pid)
        report.check(traces(program) == [], "cleared", traces(program))


def threads():
    """Stacks of threads, by who starts them."""
    with Program() as program:
        started(program)
        program("threads", 50)
        found = of(traces(program), "unjoined")
        report.check(len(found) == 50 and len(set(found)) == 1, "50 stacks", found)
        before = len(traces(program, "--include-domain", 68))
        program("giver", 4)
        found = traces(program, "--include-domain", 68)
        report.check(of(found, "free_first") == [] and len(found) - before == len(of(found, "giver")) <= 4,
                     "what malloc maps in a thread that frees first is malloc's", found[-9:])
        stats = json.loads(tmattach("stats", "-f", "json", "-k", "function", "--include-domain", 68,
                                    program.pid).text)["statistics"]
        report.check(stats[0]["traceback"][-1]["function"] == "unjoined",
                     "a stack is whose thread it is", stats[0])


MADE = ("private", "shared", "keeper", "mover", "pool", "grow", "burst")


def table(program, *options):
    """{who: bytes} of mappings and of blocks, and what was said."""
    got = tmattach("stats", "-k", "traceback", "-f", "json", "-l", 0, *options, program.pid)
    ret = {}
    for row in json.loads(got.out)["statistics"] if got.out else []:
        for name in {f.get("function") for f in row["traceback"]}.intersection(MADE):
            ret[name] = ret.get(name, 0) + row["size"]
    return ret, got


def was(program, want, name):
    for how in ([], ["--no-fork"]):
        got, said = table(program, "--peak", *how)
        report.check(got == want and said.status == 0 and "less were traced" not in said.err,
                     "peak: %s%s" % (name, "".join(how)), "%s\nnot %s\n%s" % (got, want, said.err))


def peak():
    """Blocks and mappings at the moment at which they were most together."""
    for path in VARIANTS:
        with Program([path]) as program:
            name = label(path) + ": "
            started(program)
            program("private", 2 * MIB)
            program("keep", 8 * MIB)
            was(program, {"private": 2 * MIB, "keeper": 8 * MIB}, name + "one that is being made")
            program("drop", MIB, 4 * MIB)
            program("burst", 30, 100000)
            was(program, {"private": 2 * MIB, "keeper": 8 * MIB}, name + "a piece that has gone")
            report.check(table(program)[0] == {"private": 2 * MIB, "keeper": 4 * MIB},
                         name + "what is there now is shown without --peak", table(program))
            program("burst", 70, 100000)
            want = {"private": 2 * MIB, "keeper": 4 * MIB, "burst": 7000000 + 70 * 8}
            was(program, want, name + "blocks that came to what was left")
            program("drop", 0, MIB)
            program("pool", 64 * MIB)
            program("unpool")
            was(program, want, name + "not what may be a file")
            tmattach("reset-peak", program.pid)
            was(program, {"private": 2 * MIB, "keeper": 3 * MIB}, name + "after it was reset")
            tmattach("clear", program.pid)
            program("pool", 3 * MIB)
            program("keep", 5 * MIB)
            program("fail")
            was(program, {"keeper": 5 * MIB, "pool": 3 * MIB}, name + "calls that fail")
            program("move", 16 * MIB)
            was(program, {"mover": 16 * MIB, "pool": 3 * MIB}, name + "one that was moved")
            program("move", MIB)
            program("unpool")
            for how in ([], ["--no-fork"]):
                got, said = table(program, "--peak", *how)
                report.check(got == {"mover": 16 * MIB} and "1 shared mappings of files" in said.err,
                             name + "a pool that has gone is told" + "".join(how), (got, said.err))
            stopped = tmattach("stop", program.pid)
            report.check(stopped.status == 0 and program("private", 4096) == "done", name + "stopped",
                         stopped)


class Aged(Program):
    word, make_older = aging.Target.word, aging.Target.make_older


def ages():
    """What is left of a mapping is as old as the call; mremap() renews it, if it succeeds."""
    for path in VARIANTS:
        with Aged([path]) as program:
            name = label(path) + ": "
            started(program)
            program("private", MIB)
            program("keep", 8 * MIB)
            program.make_older(120)
            program("drop", 2 * MIB, MIB)
            program("drop", 7 * MIB, MIB)
            program("shared", 3 * MIB)
            old, young = {"private": MIB, "keeper": 6 * MIB}, {"shared": 3 * MIB}
            for options, want in ((["--older", "1m"], old), (["--newer", "1m"], young),
                                  (["--older", "1d"], {}), (["--newer", "1h"], dict(old, **young)),
                                  (["--older", "1m", "--no-fork"], old)):
                got, said = table(program, *options)
                report.check(got == want and said.status == 0, name + " ".join(options), (got, said))
            text = tmattach("stats", "--ages", "-k", "function", program.pid).text
            report.check(re.search("keeper: size=6144 KiB, .*, age=2m$", text, re.M),
                         name + "--ages has them", text)
            for options, want in (("--older", ["keeper", "private"]), ("--newer", ["shared"])):
                text = tmattach("stats", options, "1m", "-k", "function", program.pid).text
                names = sorted(re.findall(r":(\w+): size=", text))
                report.check(names == want, name + options + " as text", text)
            program("keep", 5 * MIB)
            program.make_older(120)
            program("blocks", 1, 100) # a new generation begins
            program("fail")
            got, said = table(program, "--older", "1m")
            report.check(got == dict(old, keeper=11 * MIB, shared=3 * MIB), name + "calls that fail",
                         (got, said))
            program("move", 4 * MIB)
            for options, want in ((["--older", "1m"], dict(old, shared=3 * MIB)),
                                  (["--newer", "1m"], {"mover": 4 * MIB})):
                got, said = table(program, *options)
                report.check(got == want, name + "mremap(): " + " ".join(options), (got, said))


PIECES = ("map_piece", "unmap_piece", "map_over", "move_piece", "copy_piece")


def storms():
    """The table is the program's own list, after all that can be done to mappings."""
    for path in VARIANTS:
        for n, steps in ((1, 2000), (4, 20000)):
            with Program([path]) as program:
                started(program)
                want = sorted(map(int, program("storm", n, steps).split()[:-1]))
                ours = of(traces(program), *PIECES)
                report.check(ours == want, "%s: %d threads, %d pieces are left" %
                             (label(path), n, len(want)), "ours %s\nwant %s" % (ours, want))


def rounds():
    """Started and stopped while threads map and unmap."""
    for path in VARIANTS:
        with Program([path]) as program:
            program("loop", 3)
            for _ in range(ROUNDS):
                start = tmattach("start", "--maps", "--nframe", 5, program.pid)
                looked = tmattach("stats", "-l", 1, program.pid)
                stop = tmattach("stop", program.pid)
                if start.status or looked.status or stop.status:
                    break
            report.check(not (start.status or looked.status or stop.status),
                         "%s: %d rounds" % (label(path), ROUNDS), (start, looked, stop))
            said = program("end", 3)
            report.check(said.endswith("done") and program.process.poll() is None,
                         label(path) + ": and goes on", said)
            with open("/proc/%d/maps" % program.pid) as f:
                left = [line for line in f if "tmattach" in line]
            report.check(not left, label(path) + ": nothing is left", left)


def commands():
    """Who cannot have it is told; and `run`."""
    with Program() as program:
        both = tmattach("start", "--maps", "--sample", "64K", program.pid)
        report.check(both.status == 2 and "--maps, --sample" in both.err, "not with --sample", both)
        tmattach_ok("start", program.pid)
        late = tmattach("start", "--maps", program.pid)
        report.check("needs `tmattach stop' first" in late.err, "not later on", late)
    with Program([sys.executable, "-c", "print(1, flush=True); input()"]) as python:
        for how in [], ["--exact"]:
            refused = tmattach("start", "--maps", *how, python.pid)
            report.check(refused.status == 2 and "--maps: is the recorder's" in refused.err and
                         "goes with --recorder, not" in refused.err, "not in a CPython", refused)
    with tempfile.TemporaryDirectory() as here:
        out = here + "/end.tms"
        subprocess.run([TMATTACH, "run", "--maps", "--nframe", "20", "-o", out, PROGRAM],
                       input=b"private 1048576\nprivate 1048576\n", stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=True)
        lines = tmattach("traces", "-f", "json", "-l", 0, out).text.splitlines()
        report.check(of([json.loads(line) for line in lines], "private") == [MIB, MIB],
                     "run --maps", lines[:9])
        tmattach("convert", out, "-o", here + "/end.pickle")
        code = ("import sys, tracemalloc as t; s = t.Snapshot.load(sys.argv[1]); "
                "print(sum(x.size for x in s.traces if x.domain == 68))")
        said = subprocess.run([sys.executable, "-c", code, here + "/end.pickle"],
                              stdout=subprocess.PIPE, text=True).stdout
        size = sum(t["size"] for t in map(json.loads, lines) if t["domain"] == 68)
        report.check(size >= 2 * MIB and said == "%d\n" % size, "the pickle has the domain",
                     (said, size))


ROUNDS = 200 if LONG else 10

ALL = {"before": before, "freed": freed, "stacks": stacks, "kinds": kinds, "unknown": unknown,
       "mapped": mapped, "apart": apart, "threads": threads, "peak": peak, "ages": ages,
       "storms": storms, "rounds": rounds,
       "commands": commands}

if __name__ == "__main__":
    for name in sys.argv[1:] or ALL:
        ALL[name]()
    report.close()
