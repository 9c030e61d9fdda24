"""Write the snapshots and the expected reports of tests/golden/cli.sh.

Run it here with Python 3.9 or later after changing it; the tests themselves
need no Python. The expected text is what tracemalloc's own classes print.
"""
import linecache
import os
import pickle
import tracemalloc
from tracemalloc import DomainFilter, Filter, Snapshot

os.chdir(os.path.dirname(os.path.abspath(__file__)))

LOAD = (("app.py", 4), ("app.py", 8))  # most recent frame first, as in a table
TOO_DEEP = (("lib/deep.pyc", 1), ("lib/deep.pyc", 2), ("app.py", 8))
LATIN = (("caf\udce9.py", 3),)
ESCAPE = (("evil\x1b[31m\n.py", 5), ("app.py", 8))
STRING = (("<string>", 1),)
UNKNOWN = (("<unknown>", 0),)

old = Snapshot([
    (0, 1000, LOAD, 2), (0, 1000, LOAD, 2), (0, 24, LOAD, 2),
    (0, 5000, TOO_DEEP, 9), (0, 300, LATIN, 1), (0, 300, STRING, 1),
    (389047, 1 << 20, LATIN, 1), (0, 7, UNKNOWN, 1),
], 3)
new = Snapshot([
    (0, 1000, LOAD, 2), (0, 102400, LOAD, 2), (0, 10485759, LOAD, 2),
    (0, 4000, TOO_DEEP, 9), (0, 300, STRING, 1), (0, 64, ESCAPE, 2),
    (389047, 1 << 20, LATIN, 1), (5, 0, UNKNOWN, 1),
], 3)


def visible(text):
    """Control characters and surrogates as tmattach prints them."""
    return "".join(c if c == "\n" or c.isprintable() else
                   "\\x%02x" % ord(c) if ord(c) < 0x100 else
                   "\\u%04x" % ord(c) for c in text)


def expect(name, lines):
    with open(name + ".expected", "w", encoding="utf-8") as out:
        for line in lines:
            print(line, file=out)


def line_of(text):
    return visible(text.replace("\n", "\0")).replace("\\x00", "\\x0a")


def stats(name, snapshot, key, limit=10, cumulative=False, filters=()):
    found = snapshot.filter_traces(filters).statistics(key, cumulative)
    lines = ["[ Top %d ]" % (limit or len(found))]
    for stat in found[:limit or None]:
        lines.append(line_of(str(stat)))
        if key == "traceback":
            lines += map(visible, stat.traceback.format())
    expect(name, lines)


def diff(name, key, cumulative=False):
    found = new.compare_to(old, key, cumulative)
    expect(name, ["[ Top 10 differences ]"] +
           [line_of(str(stat)) for stat in found[:10]])


def pretty(name, snapshot, limit):
    """The manual's display_top()."""
    lines = ["Top %s lines" % limit]
    found = snapshot.statistics("lineno")
    for index, stat in enumerate(found[:limit], 1):
        frame = stat.traceback[0]
        lines.append(line_of("#%s: %s:%s: %.1f KiB" % (
            index, frame.filename, frame.lineno, stat.size / 1024)))
        line = linecache.getline(frame.filename, frame.lineno).strip()
        if line:
            lines.append("    %s" % line)
    other = found[limit:]
    if other:
        size = sum(stat.size for stat in other)
        lines.append("%s other: %.1f KiB" % (len(other), size / 1024))
    total = sum(stat.size for stat in found)
    lines.append("Total allocated size: %.1f KiB" % (total / 1024))
    expect(name, lines)


# A leak, a cache that comes and goes, what came once, a leak that pauses and dips,
# what fills and is emptied, and what only shrinks.
SERIES = {
    ("leak.py", 6): (100, 200, 300, 400, 500, 600),
    ("cache.py", 7): (9000, 1000, 9000, 1000, 1000, 9000),
    ("once.py", 1): (0, 50000, 50000, 50000, 50000, 50000),
    ("dips.py", 2): (100, 150, 140, 190, 190, 240),
    ("fill.py", 3): (10, 2000, 4000, 10, 2000, 4000),
    ("gone.py", 4): (800, 700, 0, 0, 0, 0),
}


def lasting(sizes):
    """What both the largest size so far and the smallest from then on rose by."""
    return [min(max(sizes[:i + 1]) - max(sizes[:i]), min(sizes[i:]) - min(sizes[i - 1:]))
            for i in range(1, len(sizes))]


def trend(name):
    series = [Snapshot([(0, sizes[i], (place,), 1) for place, sizes in SERIES.items()
                        if sizes[i]], 1) for i in range(6)]
    with open("series.pickle", "wb") as out:
        for snapshot in series:
            pickle.dump(snapshot, out, pickle.HIGHEST_PROTOCOL)
    found = series[-1].compare_to(series[0], "lineno")

    def sizes(stat):
        return SERIES[stat.traceback[0].filename, stat.traceback[0].lineno]

    def order(stat):
        steps = lasting(sizes(stat))
        return max(steps) - sum(steps), -sum(steps)

    lines = ["[ Top 10 by growth over 6 snapshots ]"]
    for stat in sorted(found, key=order):
        changes = [b - a for a, b in zip(sizes(stat), sizes(stat)[1:])]
        shrank = sum(change < 0 for change in changes)
        lines += [str(stat), "    grew in %d%s of 5 steps; kept: %s" % (
            sum(change > 0 for change in changes), shrank and ", shrank in %d" % shrank or "",
            tracemalloc._format_size(sum(lasting(sizes(stat))), False))]
        lines.append("    " + "  ".join("%10s" % tracemalloc._format_size(size, False)
                                        for size in sizes(stat)))
    expect(name, lines)


old.dump("old.pickle")
new.dump("new.pickle")
stats("stats", new, "lineno")
stats("stats-filename", new, "filename", limit=2)
stats("stats-traceback", old, "traceback", limit=0)
stats("stats-cumulative", new, "lineno", cumulative=True)
stats("filters", new, "lineno", filters=(
    Filter(True, "app.py", 8, all_frames=True), Filter(True, "<string>"),
    Filter(False, "lib/*.pyc", domain=0)))
stats("filters-line", new, "lineno", filters=(
    Filter(True, "app.py", 8), Filter(True, "<unknown>", 0)))
stats("filters-domain", new, "lineno", filters=(
    DomainFilter(True, 389047), DomainFilter(True, 5), DomainFilter(False, 0)))
stats("filters-latin", new, "lineno", filters=(Filter(True, "caf\udce9.py"),))
sized = tracemalloc.Snapshot([t for t in new.traces._traces if 1024 <= t[1] <= 1 << 20],
                             new.traceback_limit)
stats("block-size", sized, "lineno")
diff("diff", "lineno")
diff("diff-filename", "filename")
diff("diff-cumulative", "lineno", cumulative=True)
trend("trend")
pretty("pretty", new, 2)
pretty("pretty-all", new, 10)
traces = sorted(new.traces, key=lambda t: (-t.size, t.traceback._frames))
expect("traces", [text for t in traces for text in
                  [line_of(str(t))] + [line_of(line) for line in t.traceback.format()]])
