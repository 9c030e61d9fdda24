"""Programs with libraries in C that tests/live/programs looks at: one a name.

It prints "ready" and waits for the end of stdin. What Holder has is what the test
expects to find."""
import os
import sys
import threading


class Holder:
    pass


class Payload:
    def __init__(self):
        self.data = bytearray(10000)


holder = Holder()


def wait():
    print("ready", flush=True)
    os.read(0, 1)


def numpy():
    import numpy
    holder.arrays = [numpy.zeros(5000) for i in range(500)]
    # So large that numpy advises huge pages for a part of it.
    holder.large = numpy.ones((3000, 1000))
    holder.views = [holder.large[i] for i in range(100)]
    wait()


def pandas():
    import numpy
    import pandas
    holder.frame = pandas.DataFrame({"a": numpy.arange(500000), "b": numpy.ones(500000)})
    wait()


def lxml():
    import lxml.etree
    holder.tree = lxml.etree.fromstring("<r>" + "<item id='1'>some text in it</item>" * 20000 +
                                        "</r>")
    holder.items = list(holder.tree)[:100]
    wait()


def sqlite3():
    import sqlite3
    holder.base = sqlite3.connect(":memory:")
    holder.base.execute("create table t(a, b)")
    holder.base.executemany("insert into t values(?, ?)",
                            ((i, "text %d" % i * 10) for i in range(50000)))
    holder.cursors = [holder.base.execute("select * from t") for i in range(50)]
    wait()


def asyncio():
    import asyncio

    async def handle(event):
        payload = Payload()
        await event.wait()
        return payload

    async def run():
        event = asyncio.Event()
        holder.tasks = [asyncio.ensure_future(handle(event)) for i in range(300)]
        await asyncio.sleep(0)
        wait()
        event.set()
        await asyncio.wait(holder.tasks)
    asyncio.run(run())


def gevent():
    import gevent
    import gevent.event
    event = gevent.event.Event()

    def handle():
        payload = Payload()
        event.wait()
        return payload
    holder.greenlets = [gevent.spawn(handle) for i in range(300)]
    gevent.sleep(0)
    wait()


def flask():
    """As gunicorn imports it: each request leaks."""
    import flask
    app = flask.Flask("shop")
    holder.sessions = {}

    @app.route("/")
    def index():
        holder.sessions[len(holder.sessions)] = Payload()
        return "hello"
    return app


if __name__ == "__main__":
    # Debian's interpreter is not position-independent: its heap is below 4 GiB, where a
    # plain number may pass for a pointer. A thread has a heap of its own, elsewhere.
    work = threading.Thread(target=globals()[sys.argv[1]])
    work.start()
    work.join()
