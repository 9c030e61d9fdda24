"""What tests/live/dicts reads: dicts, lists, tuples and strings of every shape."""


class _Plain:
    pass


class _Dict(dict):
    pass


class _List(list):
    pass


class _Tuple(tuple):
    pass


class _Str(str):
    pass


def _plain(n):
    made = _Plain()
    made.first, made.second = "one", ["two", str(n)]
    return made


# Instances of one class share the table of their keys.
_plains = [_plain(n) for n in range(6)]
del _plains[1].first
_plains[2].third = "three"
shared = _plains[0].__dict__
shared_without = _plains[1].__dict__
shared_and_more = _plains[2].__dict__

empty = {}
one = {"a": "b"}
holes = {str(i): "v%d" % i for i in range(1000)}
for _i in range(0, 1000, 3):
    del holes[str(_i)]
mixed = {(1, "a"): "tuple", "k": ["x", ("y", {"z": "w"})], 3.5: "float"}
# Indices of one, two and four bytes.
small = {str(i): "v" for i in range(100)}
wide = {str(i): "v" for i in range(200)}
large = {str(i): "v" for i in range(70000)}
letters = list("abcdef") + ["g"]
nothing = []
pair = ("a", ("b", ()), [])
dict_child = _Dict(a="b")
list_child = _List("ab")
tuple_child = _Tuple("ab")
str_child = _Str("hello")
others = {"\xfc": "\u4e2d", "\U0001f40d": "a", "b\udcff": "c"}


def _text(value):
    if isinstance(value, str):
        return "'%s'" % value
    if isinstance(value, dict):
        return "{%s}" % ", ".join("%s: %s" % (_text(k), _text(v)) for k, v in value.items())
    if isinstance(value, list):
        return "[%s]" % ", ".join(map(_text, value))
    if isinstance(value, tuple):
        return "(%s)" % ", ".join(map(_text, value))
    return "?"


def _main():
    import dicts_target
    import sys
    out = sys.stdout.buffer
    for name, value in vars(dicts_target).items():
        if name[0] != "_":
            out.write(("%s %s\n" % (name, _text(value))).encode("utf-8", "surrogatepass"))
    out.write(b"end\n")
    out.flush()
    sys.stdin.read()


if __name__ == "__main__":
    _main()
