"""Cores of gcore and of the kernel, for the tests that read them."""
import re
import subprocess


def gcore_whole(pid, here):
    """And whether gdb has read all that it wanted: it stumbles over the guard pages that
    glibc has within the stacks of threads since 2.42, and leaves the rest of them out."""
    done = subprocess.run(["gcore", "-o", here + "/gdb", str(pid)], check=True, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    failed = re.findall(r"Memory read failed for corefile section, \d+ bytes at 0x(\w+)",
                        done.stdout)
    return "%s/gdb.%d" % (here, pid), not [at for at in failed if at != "ffffffffff600000"]


def gcore(pid, here):
    return gcore_whole(pid, here)[0]


def no_cores():
    """Why the kernel's cores are not found beside the program; None: they are."""
    with open("/proc/sys/kernel/core_pattern") as f:
        pattern = f.read().strip()
    return "cores go to %s here" % pattern if pattern[:1] in "|/" or "/" in pattern else None
