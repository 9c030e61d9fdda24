#!/usr/bin/env python3
"""Hold native_driver's places against addr2line -a -f -i -C.

usage: compare_places.py PLACES ELF

Prints how many of the places agree and why the others do not.
"""
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
            frames.append((pending, name, lineno))
            pending = None
    return places


def addr2line(elf, addresses):
    out = subprocess.run(["addr2line", "-a", "-f", "-i", "-C", "-e", elf],
                         input="\n".join(hex(a) for a in addresses),
                         capture_output=True, text=True, check=True)
    return parse(out.stdout)


def bare(function):
    """Without parameters: addr2line leaves them away for inlined C++ calls."""
    return function


def main():
    ours = parse(open(sys.argv[1], errors="replace").read())
    theirs = addr2line(sys.argv[2], list(ours))
    tally, shown = collections.Counter(), 0
    for address, frames in ours.items():
        other = theirs[address]
        norm = [(f, os.path.normpath(n), l) for f, n, l in frames]
        norm2 = [(f, os.path.normpath(n), l) for f, n, l in other]
        if norm == norm2:
            tally["equal"] += 1
        else:
            if [x[0] for x in norm] == [x[0] for x in norm2]:
                kind = "lines"
            elif len(norm) != len(norm2):
                kind = "depth"
            else:
                kind = "names"
            tally[kind] += 1
            if tally[kind] <= int(os.environ.get("SHOW", 4)):
                print(kind, hex(address), *norm, "--", *norm2, sep="\n   ")
    print(dict(tally), sum(len(f) - 1 for f in ours.values()), "inlined;",
          sum(len(f) - 1 for f in theirs.values()), "by addr2line")


if __name__ == "__main__":
    main()
