"""A program of the test `embedders`, and the ways to ask its Python something."""
import contextlib
import glob
import http.client
import json
import os
import pwd
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time

from harness import HANG, Failed, line_of

ROOT = os.geteuid() == 0


class Lacking(Exception):
    """It is not installed."""


def program(name, *elsewhere):
    """Its path; in sbin and elsewhere, too, which not everybody looks into."""
    path = os.pathsep.join([os.environ["PATH"], "/usr/sbin", *elsewhere])
    found = shutil.which(name, path=path)
    if not found:
        raise Lacking("no " + name)
    return found


def needs(pattern):
    found = sorted(glob.glob(pattern))
    if not found:
        raise Lacking("no " + pattern)
    return found[-1]


def until(what, done, *processes):
    """Wait for it; a process that ends meanwhile is why it never comes."""
    deadline = time.monotonic() + HANG
    while time.monotonic() < deadline:
        result = done()
        if result:
            return result
        for process in processes:
            if process.poll() is not None:
                raise Failed("%s ended with %d before %s" % (process.args[0], process.returncode, what))
        time.sleep(0.01)
    raise Failed("after %d s still not: %s" % (HANG, what))


def ready(send, process):
    """Wait until it listens, and answers."""
    def answers():
        with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
            return send("truth")
    until("it answers", answers, process)


def connected(path):
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(HANG)
    try:
        client.connect(path)
    except OSError:
        client.close()
        raise
    return client


class Program:
    """A program in a directory of its own; what it says is in DIR/log."""

    def __init__(self, directory, user=None):
        self.dir = directory
        self.process = None
        self.as_user = {}
        if user and ROOT:
            entry = pwd.getpwnam(user)
            self.as_user = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
            os.chown(directory, entry.pw_uid, entry.pw_gid)

    def spawn(self, argv):
        with open(self.dir + "/log", "ab") as log:
            self.process = subprocess.Popen(argv, cwd=self.dir, stdin=subprocess.PIPE, stdout=log,
                                            stderr=log, start_new_session=True, **self.as_user)

    def status(self):
        try:
            return self.process.wait(HANG)
        except subprocess.TimeoutExpired:
            raise Failed("%s does not end: %s" % (self.process.args[0], self.log()))

    def end(self, sig, status=0):
        self.process.send_signal(sig)
        self.ends(status)

    def ends(self, status=0):
        if self.status() != status:
            raise Failed("%s ended with %d: %s" % (self.process.args[0], self.status(), self.log()))

    def log(self):
        with open(self.dir + "/log", "rb") as f:
            return f.read()[-1000:].decode("utf-8", "replace")

    def write(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w") as f:
            f.write(text)
        return path

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        """Of one that failed, no process stays."""
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        if self.process:
            self.process.stdin.close()


class Session:
    """A client that stays, and so what its server keeps for it: a statement in, a line out."""

    def __init__(self, argv, cwd=None):
        self.process = subprocess.Popen(argv, cwd=cwd, stdin=subprocess.PIPE, text=True, bufsize=1,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def answer(self, statement):
        self.process.stdin.write(statement + ";\n")
        return line_of(self.process)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.process.stdin.close()
        self.process.wait(HANG)
        self.process.stdout.close()


@contextlib.contextmanager
def postgres(directory):
    """A PostgreSQL that ends well: how psql asks it."""
    bin_dir = os.path.dirname(needs("/usr/lib/postgresql/*/bin/initdb"))
    with Program(directory, "postgres") as server:
        server.spawn([bin_dir + "/initdb", "-D", "data", "-A", "trust", "-U", "postgres", "--no-sync"])
        server.ends()
        server.spawn([bin_dir + "/postgres", "-D", "data", "-k", directory, "-c", "listen_addresses=",
                      "-c", "fsync=off"])
        psql = [bin_dir + "/psql", "-XqAt", "-h", directory, "-U", "postgres", "-d", "postgres"]
        until("a server that answers", lambda: subprocess.run(
            psql + ["-c", ""], stderr=subprocess.DEVNULL).returncode == 0, server.process)
        yield psql
        server.end(signal.SIGINT)


class Host:
    """A process with a Python in it. `send` hands it words and returns its
    answer; without that it is one that nothing can be asked of. `at_once` is
    how many it answers beside each other. One that is `blind` runs its scripts
    so that its tracemalloc does not always find the frames of them."""

    def __init__(self, name, send=None, pid=None, leak=None, at_once=1, blind=False):
        self.name = name
        self.send = send
        self.at_once = at_once
        self.blind = blind
        self.turn = threading.BoundedSemaphore(at_once)
        self.leak = leak or (lambda count, size: self.ask("leak", count, size))
        self.pid = pid or self.ask("truth")["pid"]

    def ask(self, *words):
        with self.turn:
            said = self.send(" ".join(map(str, words)))
        try:
            return json.loads(said)
        except ValueError:
            raise Failed("%s: %s: %.500s" % (self.name, words, said))


def over_socket(path):
    def send(words):
        with connected(path) as client:
            client.sendall(words.encode())
            return client.makefile().read()
    return send


def over_http(connect, at=""):
    def send(words):
        connection = http.client.HTTPConnection("localhost", timeout=HANG)
        connection.sock = connect()
        with contextlib.closing(connection):
            connection.request("GET", at + "/?" + words.replace(" ", "+"))
            return connection.getresponse().read().decode()
    return send


def over_nbd(path):
    """Written to a disk are the words, read from it is the answer."""
    def request(client, command, data, size):
        client.write(struct.pack(">IHHQQI", 0x25609513, 0, command, 0, 0, size) + data)
        client.flush()
        if client.read(16)[4:8] != bytes(4):
            raise Failed("nbdkit: an error")

    def send(words):
        with connected(path) as sock, sock.makefile("rwb") as client:
            client.read(152)  # its greeting, in the old style
            request(client, 1, words.encode(), len(words))
            request(client, 0, b"", 1 << 16)
            return client.read(1 << 16).decode()
    return send
