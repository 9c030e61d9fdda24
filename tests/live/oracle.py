"""What tracemalloc itself says about the moments of workload.py.

	oracle.py DIR

Runs on the target's own interpreter. Reads DIR/questions.json, a list of
  {"op": "moment", "moment": N}             the traces and the scalar figures
  {"op": "stats", "moment": N | "load": FILE, "key", "cumulative", "filters",
   "format": how many with Traceback.format()}
  {"op": "diff", "old": N, "new": N, "key", "cumulative", "filters"}
  {"op": "load", "load": FILE}              the traces of a dumped Snapshot
and writes DIR/answers.json, one answer for each.
"""
import json
import sys
import tracemalloc

DIR = sys.argv[1]


class FileName(str):
    """Stands for workload.FileName when its snapshots are loaded."""


def plain_frames(frames):
    """Most recent first, as in the raw trace; plain str names."""
    return [[str.__str__(name), line] for name, line in frames]


def plain_trace(trace):
    domain, size, frames = trace[:3]
    return [domain, size, trace[3] if len(trace) > 3 else None, plain_frames(frames)]


def load_json(path):
    with open(path) as f:
        return json.load(f)


def moment(n, cache={}):
    """The Snapshot of moment n without the entry that observed itself."""
    if n not in cache:
        path = "%s/moment-%d-" % (DIR, n)
        snapshot = tracemalloc.Snapshot.load(path + "traces")
        own = load_json(path + "traces.json")
        if own:
            remove_own(snapshot.traces._traces, own)
        cache[n] = snapshot
    return cache[n]


def remove_own(traces, own):
    frames = [list(frame) for frame in own["frames"]][::-1]
    for i, trace in enumerate(traces):
        if trace[0] == 0 and trace[1] == own["size"] \
           and plain_frames(trace[2]) == frames \
           and (len(trace) == 3 or trace[3] == min(own["total_nframe"], 65535)):
            del traces[i]
            return
    raise SystemExit("oracle: the self-observed entry is not where it must be: %r" % own)


def make_filter(f):
    if f["kind"] == "domain":
        return tracemalloc.DomainFilter(f["inclusive"], f["domain"])
    return tracemalloc.Filter(f["inclusive"], f["pattern"], f.get("lineno"),
                              f.get("all_frames", False), f.get("domain"))


def source(question, name="moment"):
    if "load" in question:
        snapshot = tracemalloc.Snapshot.load("%s/%s" % (DIR, question["load"]))
    else:
        snapshot = moment(question[name])
    filters = [make_filter(f) for f in question.get("filters", ())]
    return snapshot.filter_traces(filters) if filters else snapshot


def plain_stat(stat, with_source=False):
    row = {"size": stat.size, "count": stat.count, "str": str(stat),
           "frames": [[str.__str__(f.filename), f.lineno] for f in stat.traceback]}
    if with_source:  # may fail on names that no file can have, before 3.13
        row["format"] = stat.traceback.format()
    if hasattr(stat, "size_diff"):
        row.update(size_diff=stat.size_diff, count_diff=stat.count_diff)
    return row


def answer(question):
    op = question["op"]
    if op == "moment":
        path = "%s/moment-%d-" % (DIR, question["moment"])
        return {"traces": [plain_trace(t) for t in moment(question["moment"]).traces._traces],
                "traced_memory": load_json(path + "traced_memory.json"),
                "tracemalloc_memory": load_json(path + "tracemalloc_memory.json"),
                "traceback_limit": load_json(path + "traceback_limit.json")}
    if op == "load":
        snapshot = source(question)
        return {"traces": [plain_trace(t) for t in snapshot.traces._traces],
                "traceback_limit": snapshot.traceback_limit}
    if op == "stats":
        stats = source(question).statistics(question["key"], question["cumulative"])
        top = question.get("format", 0)
        return [plain_stat(s, i < top) for i, s in enumerate(stats)]
    if op == "diff":
        stats = source(question, "new").compare_to(
            source(question, "old"), question["key"], question["cumulative"])
        return [plain_stat(s) for s in stats]
    raise SystemExit("oracle: what is %r?" % op)


def main():
    questions = load_json(DIR + "/questions.json")
    answers = [answer(q) for q in questions]
    with open(DIR + "/answers.json", "w") as f:
        json.dump(answers, f)


if __name__ == "__main__":
    main()
