#!/usr/bin/env python3
"""Random snapshots, asked the same questions here and of model_driver.

usage: model_oracle.py DRIVER SEED CASES PATTERNS

The interpreter's own tracemalloc (3.7 or later) gives the expected answers;
each must be equal to the byte. One ok / not ok line per kind of question.
"""
import collections
import fnmatch
import linecache
import random
import re
import subprocess
import sys
import tracemalloc

WITH_TOTAL = sys.version_info >= (3, 9)
NAMES = ['a.py', 'b.py', 'ab.py', 'a.pyc', 'c.pyc', 'c.py', '<string>', '',
         '<unknown>', 'pkg/a.py', 'pkg/\u00e9.py', '\u4e2d\u6587.py',
         'bad\udc80.py', 'bad\udcff', '\U0001f40d.py', '\uffff.py', 'a\n.py',
         'nul\0.py', 'A.py', 'x' * 300 + '.py', '[x].py', '.pyc', 'pyc']
DOMAINS = [0, 0, 0, 389047, 7, 2**32 - 1]
PATTERN_CHARS = '[[[]]]!!---^*?abc.\\&|~/\n\u00e9\U0001f40d\udc80'
NAME_CHARS = 'abc.-!]^[\\\n\u00e9\U0001f40d\udc80'
SET_PARTS = list('abcde----!^') + ['b-a', 'e-a', 'b-a!']
KEYS = ['filename', 'lineno', 'traceback']


def hexed(text):
    return 'x' + text.encode('utf-8', 'surrogatepass').hex()


def frames_text(frames):
    return ''.join(' %s:%d' % (hexed(f.filename), f.lineno) for f in frames)


class Case:
    """One random world; collects questions and the answers expected."""

    def __init__(self, rng):
        self.rng = rng
        self.sent = []
        self.expected = []      # (kind, question, lines, in any order?)
        self.names = rng.sample(NAMES, rng.randint(1, len(NAMES)))
        self.lines = rng.choice([2, 3, 40, 70000])

    def say(self, *words):
        self.sent.append(' '.join(str(w) for w in words))

    def ask(self, kind, lines, *words, **options):
        self.say(*words)
        self.expected.append((kind, ' '.join(map(str, words)), lines,
                              options.get('unordered', False)))

    def frame(self):
        return (self.rng.choice(self.names), self.rng.randint(0, self.lines))

    def frames(self):
        kind = self.rng.random()
        if kind < 0.1:          # recursion
            return (self.frame(),) * self.rng.randint(2, 60) + (self.frame(),)
        return tuple(self.frame() for _ in range(self.rng.choice(
            [1, 1, 1, 2, 2, 3, 5, 12])))

    def size(self):
        return self.rng.choice([0, 1, 1, 8, 10, 64, 100, 1024, 10239, 10240,
                                self.rng.randint(0, 1 << 20),
                                self.rng.randint(0, 1 << 45)])

    def snapshot(self, slot, like=()):
        many = self.rng.random() < 0.05
        pool = [self.frames() for _ in range(
            300 if many else self.rng.randint(1, 12))]
        pool += [t[2] for t in like]
        traces = []
        for _ in range(
                600 if many else self.rng.choice([0, 1, 3, 10, 40])):
            frames = self.rng.choice(pool)
            total = len(frames) + self.rng.choice([0, 0, 0, 3])
            traces.append((self.rng.choice(DOMAINS), self.size(), frames) +
                          ((total,) if WITH_TOTAL else ()))
        self.say('new')
        for t in traces:
            self.say('trace', t[0], t[1], t[3] if WITH_TOTAL else '-',
                     len(t[2]), *('%s %d' % (hexed(f), n)
                                  for f, n in reversed(t[2])))
        self.say('end', slot)
        return tracemalloc.Snapshot(traces, 100)

    def pattern(self):
        rng = self.rng
        name = rng.choice(NAMES)
        kind = rng.random()
        if kind < 0.3:
            pattern = name
        elif kind < 0.6 and name:
            i = rng.randrange(len(name))
            pattern = name[:i] + rng.choice(['*', '?', '[a-c]', '[!a]']) + \
                name[i + 1:]
        elif kind < 0.8:
            pattern = rng.choice(['*', '*.py', '*.pyc', '*/*', '<*>', '?.py',
                                  '*[!y]', '[<]*', '*.p[x-z]', '[[]*'])
        else:
            pattern = random_text(rng, PATTERN_CHARS, 6)
        try:
            re.compile(fnmatch.translate(pattern))
        except re.error:        # inverted range before 3.10
            return '*'
        return pattern

    def filters(self):
        rng = self.rng
        filters = []
        self.say('nofilters')
        for _ in range(rng.choice([0, 0, 1, 1, 2, 3, 5])):
            inclusive = rng.random() < 0.5
            domain = rng.choice(DOMAINS)
            if rng.random() < 0.2:
                filters.append(tracemalloc.DomainFilter(inclusive, domain))
                self.say('filter', int(inclusive), 0, '-', domain, '-')
                continue
            if rng.random() < 0.6:
                domain = None
            lineno = rng.choice([None, None, rng.randint(0, 3)])
            everywhere = rng.random() < 0.4
            pattern = self.pattern()
            filters.append(tracemalloc.Filter(inclusive, pattern, lineno,
                                              everywhere, domain))
            self.say('filter', int(inclusive), int(everywhere),
                     '-' if lineno is None else lineno,
                     '-' if domain is None else domain, hexed(pattern))
        return filters

    def stats_lines(self, snapshot, stats):
        lines = ['%d %d %d %d %s%s' %
                 (s.size, s.count, getattr(s, 'size_diff', 0),
                  getattr(s, 'count_diff', 0), hexed(str(s)),
                  frames_text(s.traceback)) for s in stats]
        lines.append('total %d %d' % (sum(t.size for t in snapshot.traces),
                                      len(snapshot.traces)))
        return lines

    def questions(self):
        rng = self.rng
        old = self.snapshot(1)
        new = self.snapshot(0, old.traces._traces)
        for _ in range(2):
            self.formats(new)
        for _ in range(3):
            filters = self.filters()
            few_new = new.filter_traces(filters)
            few_old = old.filter_traces(filters)
            self.say('apply', 0, 2)
            self.ask('filter_traces', [trace_line(t) for t in few_new.traces],
                     'traces', 2, unordered=True)
            key = rng.choice(KEYS)
            cumulative = key != 'traceback' and rng.random() < 0.5
            self.ask('statistics', self.stats_lines(
                few_new, few_new.statistics(key, cumulative)),
                'stats', 0, key, int(cumulative))
            self.ask('compare_to', self.stats_lines(
                few_new, few_new.compare_to(few_old, key, cumulative)),
                'compare', 0, 1, key, int(cumulative))
            self.say('nofilters')
            self.ask('statistics of filter_traces', self.stats_lines(
                few_new, few_new.statistics(key, cumulative)),
                'stats', 2, key, int(cumulative))
            self.ask('compare_to of filter_traces', self.stats_lines(
                old, old.compare_to(few_new, key, cumulative)),
                'compare', 1, 2, key, int(cumulative))
        self.ask('cumulative traceback', ['usage'], 'stats', 0, 'traceback', 1)

    def formats(self, snapshot):
        if not len(snapshot.traces):
            return
        i = self.rng.randrange(len(snapshot.traces))
        limit = self.rng.choice([None, 0, 1, 2, 5, -1, -2, -70])
        recent = self.rng.random() < 0.5
        lines = snapshot.traces[i].traceback.format(limit, recent)
        self.ask('Traceback.format', [hexed('\n'.join(lines))], 'format', 0, i,
                 '-' if limit is None else limit, int(recent))


def trace_line(trace):
    total = trace.traceback.total_nframe if WITH_TOTAL else -1
    return '%d %d %d%s' % (trace.domain, trace.size, total,
                           frames_text(trace.traceback))


def random_text(rng, chars, longest):
    return ''.join(rng.choice(chars) for _ in range(rng.randint(0, longest)))


def sizes(case, n):
    rng = case.rng
    edges = [0, 1, 99, 100, 10239, 10240, 102348.8, 102399, 102400, 10485759,
             10485760, 12.5, 13.5, 10 * 1024**5, 2**63 - 1, 2**53 + 1]
    for i in range(n):
        size = edges[i] if i < len(edges) else rng.choice(
            [rng.getrandbits(rng.randint(1, 63)), rng.random() * 1e6,
             rng.randint(0, 10**6) / rng.randint(1, 100)])
        size *= rng.choice([1, 1, -1])
        sign = rng.random() < 0.5
        case.ask('_format_size', [tracemalloc._format_size(size, sign)],
                 'size', float(size).hex(), int(sign))


def patterns(case, n):
    """The meaning of inverted ranges that 3.10 brought is the one we keep."""
    rng = case.rng
    for _ in range(n if sys.version_info >= (3, 10) else 0):
        one_set = rng.random() < 0.5
        pattern = random_text(rng, PATTERN_CHARS, 10)
        if one_set:             # ranges of all kinds
            pattern = '[%s]' % random_text(rng, SET_PARTS, 8)
        for _ in range(4):
            name = random_text(rng, NAME_CHARS, 5)
            if one_set:
                name = rng.choice('abcde-!^')
            elif rng.random() < 0.5:    # near the pattern, to match oftener
                name = ''.join(c for c in pattern if c not in '*?[]!-')
            expected = '1' if fnmatch.fnmatchcase(name, pattern) else '0'
            case.ask('fnmatch', [expected], 'fnmatch', hexed(pattern),
                     hexed(name))


def answers(driver, case):
    run = subprocess.run([driver], input='\n'.join(case.sent) + '\n',
                         stdout=subprocess.PIPE, universal_newlines=True)
    if run.returncode:
        print('not ok - %s ends with status %d' % (driver, run.returncode))
        sys.exit('1 failed')
    return run.stdout.splitlines()


def check(driver, case, passed, failed):
    got, at = answers(driver, case), 0
    for kind, question, lines, unordered in case.expected:
        answer = got[at:at + len(lines)]
        at += len(lines)
        if (sorted(answer) == sorted(lines)) if unordered else answer == lines:
            passed[kind] += 1
            continue
        failed[kind] += 1
        if failed[kind] <= 3:
            print('# %s\n#   expected %s\n#   got      %s' %
                  (question, lines, answer))
    if at != len(got):
        failed['number of answers'] += 1


def main():
    driver, seed = sys.argv[1], sys.argv[2]
    cases, npatterns = int(sys.argv[3]), int(sys.argv[4])
    passed, failed = collections.Counter(), collections.Counter()
    for name in NAMES:          # see made_up_line() of the driver
        even = len(name.encode('utf-8', 'surrogatepass')) % 2 == 0
        lines = ['  x = %d \t\n' % i if i % 5 else ' \n'
                 for i in range(1, 31)] if even else []
        linecache.cache[name] = (0, None, lines, name)
    case = Case(random.Random(seed))
    for i in range(cases):
        # A snapshot's world is its own, its questions go out with others'.
        world = Case(random.Random('%s %d' % (seed, i)))
        world.questions()
        case.sent += world.sent
        case.expected += world.expected
    sizes(case, cases)
    patterns(case, npatterns)
    check(driver, case, passed, failed)
    version = '%d.%d' % sys.version_info[:2]
    for kind in sorted(set(passed) | set(failed)):
        print('%s - Python %s, seed %s: %s, %d of %d as expected' %
              ('not ok' if failed[kind] else 'ok', version, seed, kind,
               passed[kind], passed[kind] + failed[kind]))
    return 1 if failed else 0


sys.exit(main())
