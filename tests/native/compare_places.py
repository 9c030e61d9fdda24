"""Hold native_driver's places against addr2line -a -f -i -C."""
import collections
import os
import re
import subprocess
import sys


def parse(text):
    """address -> [(function, file, line)], innermost first"""
    places, frames, pending = {}, None, None
    for line in text.splitlines():
        if re.fullmatch(r"0x[0-9a-f]{16}", line) and pending is None:
            frames = places.setdefault(int(line, 16), [])
            frames.clear()
        elif pending is None:
            pending = line
        else:
            where = re.sub(r" \(discriminator \d+\)$", "", line)
            name, _, lineno = where.rpartition(":")
            lineno = 0 if lineno == "?" else int(lineno)
            frames.append((pending, os.path.basename(name), lineno))
            pending = None
    return places


def addr2line(elf, addresses):
    out = subprocess.run(["addr2line", "-a", "-f", "-i", "-C", "-e", elf],
                         input="\n".join(hex(a) for a in addresses),
                         capture_output=True, text=True, check=True,
                         errors="replace")
    return parse(out.stdout)


def bare(name):
    """Without parameters, template arguments, scopes and clone suffixes:
    which of them a name has depends on the tool."""
    name = re.sub(r"\s*\[clone .*", "", name or "")
    while True:
        shorter = re.sub(r"<[^<>]*>|\([^()]*\)", "", name)
        if shorter == name:
            break
        name = shorter
    name = re.sub(r"\{lambda.*?\}", "lambda", name)
    name = re.sub(r"(\.(constprop|isra|part|lto_priv)\.\d+|\.cold)+$", "", name)
    name = name.replace(" const", "").split("::")[-1].split(" ")[-1].strip()
    return name.lstrip("_").removeprefix("GI_").lstrip("_")


def compare(text, elf, shallow=False):
    """How many places agree and how the others do not.

    shallow: addr2line knows fewer inlined calls than there are (binutils 2.40
    with clang's DWARF 5): it must not know more.

    Where we say "??" (padding between functions) addr2line has the nearest
    function before; that is a difference by design and is not counted. Nor is
    the choice among aliases where there is no DWARF.
    """
    ours, tally = parse(text), collections.Counter(depth=0, names=0, lines=0)
    theirs = addr2line(elf, list(ours))
    for address, frames in ours.items():
        other = theirs[address]
        tally["places"] += 1
        tally["inlined"] += len(frames) - 1
        kind = None
        if frames[-1][0] == "??":
            tally["padding"] += 1
        elif len(frames) < len(other) or (len(frames) > len(other) and
                                          not shallow):
            kind = "depth"
        elif bare(frames[-1][0]) != bare(other[-1][0]) and frames[-1][2]:
            kind = "names"
        elif len(frames) == len(other) and [f[2] for f in frames] != [f[2] for f in other]:
            kind = "lines"
        if kind:
            tally[kind] += 1
            if "VERBOSE" in os.environ:
                print(kind, hex(address), *frames, "--", *other, sep="\n   ")
    return dict(tally)


if __name__ == "__main__":
    print(compare(open(sys.argv[1], errors="replace").read(), sys.argv[2]))
