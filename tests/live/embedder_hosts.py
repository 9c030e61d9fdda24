"""The programs of the test `embedders`: how each is started and ended.

Each function starts one in a directory that it is given, hands out what has a
Python in it, and sees to it that it ends well."""
import contextlib
import os
import signal
import socket

from embedder_program import (ROOT, Host, Program, Session, connected, needs, over_http, over_nbd,
                              over_socket, postgres, program, ready, until)
from harness import HANG, free_port


WSGI = """
import sys
sys.path.insert(0, %r)
from embedder_target import answer
def application(environ, start_response):
    body = answer(environ["QUERY_STRING"].replace("+", " ")).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""


# ---- PostgreSQL -------------------------------------------------------------

# The line that leaks has a number that no other line of the functions has.
SQL = """
CREATE EXTENSION plpython3u;
CREATE FUNCTION ask(words text) RETURNS text LANGUAGE plpython3u AS $$
import sys
if "DIR" not in sys.path: sys.path.insert(0, "DIR")
import embedder_target
embedder_target.leaks_at[:] = ["<string>", 100]
return embedder_target.answer(words)
$$;
CREATE FUNCTION leak(n int, size int) RETURNS int LANGUAGE plpython3u AS $$LINES
GD.setdefault("kept", []).extend(bytearray(size) for i in range(n)); return n
$$;
""".replace("LINES", "\n" * 97)


class Functions(Session):
    """psql, and in the server the backend that it keeps, with functions in Python."""

    def __init__(self, psql, directory):
        super().__init__(psql, directory)
        self.process.stdin.write(SQL.replace("DIR", directory))

    def ask(self, words):
        return self.answer("SELECT ask('%s')" % words)

    def leak(self, count, size):
        return self.answer("SELECT leak(%d, %d)" % (count, size))


@contextlib.contextmanager
def postgresql(directory):
    needs("/usr/share/postgresql/*/extension/plpython3u.control")
    with postgres(directory) as psql, Functions(psql, directory) as session:
        yield [Host("postgresql", session.ask, leak=session.leak)]


# ---- Apache -----------------------------------------------------------------

APACHE = """
ServerRoot DIR
DefaultRuntimeDir DIR
PidFile DIR/pid
ErrorLog DIR/log
ServerName localhost
Listen 127.0.0.1:PORT
LoadModule mpm_event_module MODULES/mod_mpm_event.so
LoadModule authz_core_module MODULES/mod_authz_core.so
LoadModule wsgi_module MODULES/mod_wsgi.so
StartServers 1
ServerLimit 1
ThreadsPerChild 4
MaxRequestWorkers 4
MinSpareThreads 1
MaxSpareThreads 4
WSGISocketPrefix DIR/wsgi
WSGIDaemonProcess default processes=1 threads=2 home=DIR display-name=%{GROUP}
WSGIDaemonProcess global processes=1 threads=2 home=DIR display-name=%{GROUP}
WSGIScriptAlias /default DIR/wsgi.py process-group=default
WSGIScriptAlias /global DIR/wsgi.py process-group=global application-group=%{GLOBAL}
WSGIScriptAlias /embedded DIR/wsgi.py process-group=%{GLOBAL} application-group=%{GLOBAL}
<Directory DIR>
Require all granted
</Directory>
"""


@contextlib.contextmanager
def mod_wsgi(directory):
    apache = program("apache2")
    modules = os.path.dirname(needs("/usr/lib/apache2/modules/mod_wsgi.so"))
    port = free_port()
    conf = APACHE.replace("DIR", directory).replace("PORT", str(port)).replace("MODULES", modules)
    if ROOT:
        conf += "User www-data\nGroup www-data\n"

    def connect():
        return socket.create_connection(("127.0.0.1", port), HANG)

    with Program(directory) as server:
        server.write("wsgi.py", WSGI % directory)
        server.spawn([apache, "-f", server.write("conf", conf), "-D", "FOREGROUND"])
        groups = {group: over_http(connect, "/" + group) for group in ("default", "global", "embedded")}
        ready(groups["embedded"], server.process)
        yield [Host("mod_wsgi, " + group, send, at_once=2, blind=group == "default")
               for group, send in groups.items()]
        server.end(signal.SIGTERM)


# ---- uwsgi ------------------------------------------------------------------

@contextlib.contextmanager
def uwsgi(directory, *options):
    needs("/usr/lib/uwsgi/plugins/python3*_plugin.so")
    path = directory + "/socket"
    with Program(directory) as server:
        server.spawn([program("uwsgi"), "--plugin", "python3", "--die-on-term", "--http-socket", path,
                      "--wsgi-file", server.write("wsgi.py", WSGI % directory), *options])
        send = over_http(lambda: connected(path))
        ready(send, server.process)
        if "--master" in options:
            yield [Host("uwsgi with threads", send, at_once=2),
                   Host("uwsgi, its master", pid=server.process.pid)]
            server.end(signal.SIGTERM)
        else:
            yield [Host("uwsgi without threads", send)]
            server.end(signal.SIGTERM, 30)  # as it always does


# ---- programs with a script -------------------------------------------------

SCRIPT = """
import sys
sys.path.insert(0, "DIR")
import embedder_target
"""
LOOP = SCRIPT + """
embedder_target.serve("DIR/socket")
"""
THREAD = SCRIPT + """
import threading
threading.Thread(target=embedder_target.serve, args=("DIR/socket",)).start()
"""


@contextlib.contextmanager
def scripted(name, directory, script, argv, **kw):
    """argv with the path of the script for SCRIPT, asked over DIR/socket."""
    path = directory + "/socket"
    with Program(directory) as host:
        file = host.write("script.py", script.replace("DIR", directory))
        host.spawn([word.replace("SCRIPT", file) for word in argv])
        send = over_socket(path)
        ready(send, host.process)
        yield [Host(name, send, **kw)]
        send("end")
        host.process.stdin.close()
        host.ends()


def gdb_loop(directory):
    return scripted("gdb in a loop", directory, LOOP, [program("gdb"), "-nx", "-q", "-batch", "-x", "SCRIPT"])


def gdb_thread(directory):
    return scripted("gdb with a thread", directory, THREAD, [program("gdb"), "-nx", "-q", "-x", "SCRIPT"])


# ---- nbdkit -----------------------------------------------------------------

NBDKIT = """
import sys
sys.path.insert(0, "DIR")
from embedder_target import answer
API_VERSION = 2
def open(readonly):
    return {}
def get_size(h):
    return 1 << 16
def pwrite(h, buf, offset, flags):
    h["said"] = answer(bytes(buf).decode()).encode()
def pread(h, buf, offset, flags):
    buf[:] = h["said"].ljust(len(buf))
"""


@contextlib.contextmanager
def nbdkit(directory):
    needs("/usr/lib/*/nbdkit/plugins/nbdkit-python-plugin.so")
    path = directory + "/socket"
    with Program(directory) as server:
        script = server.write("plugin.py", NBDKIT.replace("DIR", directory))
        server.spawn([program("nbdkit"), "-f", "-o", "-U", path, "python", script])
        send = over_nbd(path)
        ready(send, server.process)
        yield [Host("nbdkit", send)]
        server.end(signal.SIGTERM)


# ---- weechat ----------------------------------------------------------------

WEECHAT = SCRIPT + """
import weechat
weechat.register("embedder", "", "1", "GPL3", "", "", "")
server = embedder_target.listen("DIR/socket")
def asked(data, fd):
    if not embedder_target.answer_one(server):
        weechat.command("", "/quit")
    return weechat.WEECHAT_RC_OK
weechat.hook_fd(server.fileno(), 1, 0, 0, "asked", "")
"""


def weechat(directory):
    needs("/usr/lib/*/weechat/plugins/python.so")
    return scripted("weechat", directory, WEECHAT,
                    [program("weechat-headless"), "-d", directory, "-r", "/python load SCRIPT"], blind=True)
