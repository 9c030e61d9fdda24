"""What a process has memory for beside traced blocks: `info` of native programs.

    maps.py [before|freed|stacks|kinds|unknown ...]
"""
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from harness import BUILD, Report, line_of, tmattach, tmattach_ok  # noqa: E402

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


ALL = {"before": before, "freed": freed, "stacks": stacks, "kinds": kinds, "unknown": unknown}

if __name__ == "__main__":
    for name in sys.argv[1:] or ALL:
        ALL[name]()
    report.close()
