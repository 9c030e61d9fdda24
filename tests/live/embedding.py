"""embed.c as the tests see it: a program that Python is a part of."""
import glob
import os

from harness import BUILD, Failed, Target, line_of

PROGRAM = os.path.join(BUILD, "tests", "live", "embed")


def library(interpreter):
    """The shared libpython beside an interpreter of this machine; None without one."""
    home = os.path.dirname(os.path.dirname(os.path.realpath(interpreter.program)))
    found = glob.glob(home + "/lib/libpython3.*.so.1.0") + glob.glob(home + "/lib/libpython3.*m.so.1.0")
    return sorted(found)[-1] if found and not interpreter.root else None


class Embedder(Target):
    """Waits in its own loop; `mode` as in embed.c."""

    def __init__(self, interpreter, *mode):
        path = library(interpreter)
        home = os.path.dirname(os.path.dirname(path))
        super().__init__([PROGRAM, path] + list(mode), env=dict(os.environ, PYTHONHOME=home))
        self.disturbed = 0
        self.expect("ready")

    def do(self, line):
        """Have it execute a line of Python."""
        self.say(line + "\n")
        while True:
            got = line_of(self.process).decode()
            if got == "done\n":
                return
            if not got.startswith("disturbed"):
                raise Failed("%s: %r" % (line, got))
            self.disturbed += 1
