"""Real programs in other languages, recorded while they work: what they keep is found block by
block, also when they give it back, and they go on.

    services.py node|java|ruby|php|mariadb|postgresql ...

Each keeps COUNT blocks of a size that nothing else in it has, or a little more: what its runtime
puts before it."""
import contextlib
import os
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from embedder_program import Lacking, Program, Session, needs, postgres, until as until_there  # noqa: E402
from harness import HANG, Failed, Report, line_of, tmattach, until  # noqa: E402

report = Report()
COUNT, SIZE, HEADER = 20, 1234560, 4096


class Service:
    """A process that keeps, drops and answers when it is told to."""

    def __init__(self, pid, tell, drops):
        self.pid, self.tell, self.drops = pid, tell, drops

    def kept(self):
        done = tmattach("traces", "-f", "json", "-l", 0, "--block-size", "%d-%d" % (SIZE, SIZE + HEADER), self.pid)
        return done if done.status else len(done.text.splitlines())


def record(name, service):
    """Twice, so that what the first stop has left would be met."""
    for turn in ("first", "second"):
        started = tmattach("start", "--nframe", 20, service.pid)
        answer = service.tell("keep")
        kept = service.kept()
        report.check(started.status == 0 and kept == COUNT,
                     "%s: %s: %d blocks that it keeps" % (name, turn, COUNT), "%s\n%s\n%s" % (started, answer, kept))
        service.tell("drop")
        if service.drops:
            kept = until(lambda: service.kept() == 0) or service.kept()
            report.check(kept is True, "%s: %s: none that it has dropped" % (name, turn), kept)
        stopped = tmattach("stop", service.pid)
        report.check(stopped.status == 0 and service.tell("alive") == "alive",
                     "%s: %s: it goes on after stop" % (name, turn), stopped)


@contextlib.contextmanager
def by_lines(argv, drops, env=None):
    """A program that reads its orders, and says that they are done."""
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
                          env=dict(os.environ, **(env or {}))) as process:
        def tell(order):
            process.stdin.write(order + "\n")
            return line_of(process).strip()

        try:
            line_of(process)
            yield Service(process.pid, tell, drops)
            process.stdin.close()
            report.check(process.wait(HANG) == 0, "%s ends well" % os.path.basename(argv[0]), process.returncode)
        finally:
            process.kill()


def script(directory, name, text):
    path = os.path.join(directory, name)
    with open(path, "w") as f:
        f.write(text % {"count": COUNT, "size": SIZE})
    return path


# ---- runtimes ------------------------------------------------------------------------

NODE = """
let kept = [];
const lines = require("readline").createInterface({ input: process.stdin });
lines.on("line", (order) => {
    if (order == "keep") for (let i = 0; i < %(count)d; i++) kept.push(Buffer.alloc(%(size)d, 1));
    if (order == "drop") { kept = []; }
    global.gc();
    console.log(order);
});
console.log("ready");
"""

JAVA = """
import java.io.*;
import java.nio.ByteBuffer;
import java.util.*;

public class Service {
    public static void main(String[] args) throws IOException {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        List<ByteBuffer> kept = new ArrayList<>();
        System.out.println("ready");
        for (String order; (order = in.readLine()) != null; System.out.println(order)) {
            if (order.equals("keep"))
                for (int i = 0; i < %(count)d; i++)
                    kept.add(ByteBuffer.allocateDirect(%(size)d));
            if (order.equals("drop"))
                kept.clear();
            System.gc();
        }
    }
}
"""

RUBY = """
$stdout.sync = true
def keep; $kept = Array.new(%(count)d) { "x" * %(size)d }; nil; end
puts "ready"
while order = $stdin.gets
  keep if order == "keep\\n"
  $kept = nil if order == "drop\\n"
  GC.start
  puts order
end
"""

PHP = """<?php
echo "ready\\n";
while (($order = fgets(STDIN)) !== false) {
    if ($order == "keep\\n") for ($i = 0; $i < %(count)d; $i++) $kept[] = str_repeat(chr(65 + $i), %(size)d);
    if ($order == "drop\\n") $kept = [];
    echo $order;
}
"""


def node(directory):
    with by_lines([needs("/usr/bin/node"), "--expose-gc", script(directory, "service.js", NODE)], True) as service:
        record("node", service)


def java(directory):
    javac = needs("/usr/bin/javac")
    subprocess.run([javac, "-d", directory, script(directory, "Service.java", JAVA)], check=True)
    with by_lines([needs("/usr/bin/java"), "-Xmx256m", "-cp", directory, "Service"], True) as service:
        record("java", service)


def ruby(directory):
    """Its collector may take a word on the stack for a string."""
    with by_lines([needs("/usr/bin/ruby"), script(directory, "service.rb", RUBY)], False) as service:
        record("ruby", service)


def php(directory):
    with by_lines([needs("/usr/bin/php"), script(directory, "service.php", PHP)], True,
                  {"USE_ZEND_ALLOC": "0"}) as service:
        record("php", service)


# ---- servers -------------------------------------------------------------------------

class Client(Session):
    """Told by orders: statements that say nothing, and then one that does."""

    def __init__(self, argv, orders):
        super().__init__(argv)
        self.orders = orders

    def tell(self, order):
        return self.answer(self.orders.get(order, "") + "SELECT '%s'" % order).strip()


def of_each(statement):
    return "".join(statement % {"i": i, "size": SIZE} for i in range(COUNT))


def mariadb(directory):
    install, server_program = needs("/usr/bin/mariadb-install-db"), needs("/usr/sbin/mariadbd")
    socket = directory + "/socket"
    with Program(directory, "mysql") as server:
        server.spawn([install, "--no-defaults", "--datadir=" + directory + "/data",
                      "--auth-root-authentication-method=normal", "--skip-test-db"])
        server.ends()
        server.spawn([server_program, "--no-defaults", "--datadir=" + directory + "/data", "--socket=" + socket,
                      "--skip-networking", "--innodb-buffer-pool-size=8M", "--max-allowed-packet=16M"])
        client = [needs("/usr/bin/mariadb"), "--no-defaults", "-uroot", "--socket=" + socket, "-N", "-B", "-n"]
        until_there("a server that answers", lambda: subprocess.run(
            client + ["-e", "select 1"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0,
            server.process)
        with Client(client, {"keep": of_each("SET @v%(i)d = REPEAT('x', %(size)d);\n"),
                              "drop": of_each("SET @v%(i)d = NULL;\n")}) as session:
            session.tell("alive")
            record("mariadb", Service(server.process.pid, session.tell, True))
        server.end(signal.SIGTERM)
        report.check(True, "mariadb ends well")


def postgresql(directory):
    with postgres(directory) as psql, Client(psql, {
            "keep": of_each("DO $$ BEGIN PERFORM set_config('kept.v%(i)d', repeat('x', %(size)d), false); END $$;\n"),
            "drop": of_each("SET kept.v%(i)d = '';\n")}) as session:
        record("postgresql", Service(int(session.answer("SELECT pg_backend_pid()")), session.tell, True))
    report.check(True, "postgresql ends well")


ALL = {one.__name__: one for one in (node, java, ruby, php, mariadb, postgresql)}


def main():
    for name in sys.argv[1:] or ALL:
        with tempfile.TemporaryDirectory() as directory:
            os.chmod(directory, 0o755)
            try:
                ALL[name](directory)
            except Lacking as e:
                report.skip(name, str(e))
            except (Failed, OSError, subprocess.SubprocessError, ValueError) as e:
                report.check(False, name, repr(e))
    report.close()


main()
