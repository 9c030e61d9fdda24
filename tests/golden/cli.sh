#!/bin/sh
# The command on snapshot files: what it prints, its exit status, and what it
# leaves behind. Expected reports come from tests/golden/cli/make.py, that is
# from Python's own tracemalloc.
set -u
here=$(cd "$(dirname "$0")/cli" && pwd)
tmattach=${B:-$here/../../../build}/tmattach
work=$(mktemp -d) || exit 1
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$here" || exit 1 # names in the snapshots are relative
passed=0 failed=0 skipped=0

ok() { passed=$((passed + 1)); echo "ok - $1"; }
not_ok() { failed=$((failed + 1)); echo "not ok - $1"; sed 's/^/# /' "$2"; }
skip() { skipped=$((skipped + 1)); echo "skipped - $1"; }

# expect NAME FILE ARG...: success, and stdout is FILE
expect() {
	name=$1 want=$2; shift 2
	"$tmattach" "$@" >"$work/out" 2>"$work/err"; status=$?
	if [ $status -eq 0 ] && [ ! -s "$work/err" ] &&
	   diff -u "$want" "$work/out" >"$work/diff" 2>&1
	then ok "$name"
	else echo "exit status $status" | cat - "$work/err" "$work/diff" >"$work/why"
	     not_ok "$name" "$work/why"
	fi
}

# refuse NAME STATUS PATTERN ARG...: that status, nothing on stdout, and a
# message "tmattach: OBJECT: CAUSE" that matches the pattern, behind which at
# most one line says what to do
refuse() {
	name=$1 want=$2 pattern=$3; shift 3
	"$tmattach" "$@" >"$work/out" 2>"$work/err"; status=$?
	if [ $status -eq "$want" ] && [ ! -s "$work/out" ] &&
	   [ "$(wc -l <"$work/err")" -le 2 ] &&
	   ! grep -qv '^tmattach: ' "$work/err" &&
	   head -n 1 "$work/err" | grep -q '^tmattach: [^ ].*: ' &&
	   head -n 1 "$work/err" | grep -q "$pattern"
	then ok "$name"
	else echo "exit status $status, not $want; '$pattern' expected" |
		cat - "$work/err" "$work/out" >"$work/why"
	     not_ok "$name" "$work/why"
	fi
}

# no_trace NAME: nothing was left in the output directory
no_trace() {
	if ls -A "$work/to" | grep -q .
	then ls -la "$work/to" >"$work/why"; not_ok "$1" "$work/why"
	else ok "$1"
	fi
}

# ---- reports, as Python prints them
old=old.pickle new=new.pickle
expect "stats" stats.expected stats $new
expect "stats by file, limited" stats-filename.expected stats -k filename -l 2 $new
expect "stats by traceback, all" stats-traceback.expected stats --key=traceback -l0 $old
expect "stats by function" stats-function.expected stats -k function functions.jsonl
expect "stats by function, cumulative" stats-function-cumulative.expected \
	stats -k function -c functions.jsonl
expect "stats by function, CSV" stats-function.csv stats -k function -f csv functions.jsonl
"$tmattach" convert functions.jsonl -o "$work/functions.tms"
expect "stats by function of a .tms" stats-function.expected \
	stats -k function "$work/functions.tms"
expect "stats with ages" ages.expected stats --ages ages.tms
expect "stats with ages, pretty" ages-pretty.expected stats --ages -f pretty ages.tms
expect "stats with ages, CSV" ages.csv stats --ages -f csv ages.tms
expect "stats as JSON have ages" ages.json stats -f json ages.tms
expect "stats of older blocks" older.expected stats --older 60s --ages ages.tms
expect "stats of newer blocks" newer.expected stats --newer 1m --ages ages.tms
"$tmattach" convert --older 60s ages.tms -o "$work/older.tms"
expect "a file of older blocks keeps their ages" older.expected stats --ages "$work/older.tms"
"$tmattach" convert ages.tms -o "$work/ages.csv"
expect "without ages" no-ages.expected stats --ages "$work/ages.csv"
expect "stats cumulative" stats-cumulative.expected stats -c $new
expect "stats of stdin" stats.expected stats - <$new
expect "diff" diff.expected diff $old $new
expect "diff by file" diff-filename.expected diff -k filename $old $new
"$tmattach" convert --older 60s ages.tms -o "$work/older.tms"
expect "diff with the ages of the last" ages-diff.expected diff --ages "$work/older.tms" ages.tms
expect "diff with ages, CSV" ages-diff.csv diff --ages -f csv "$work/older.tms" ages.tms
expect "diff as JSON has ages" ages-diff.json diff -f json ages.tms ages.tms
expect "diff of older blocks" older-diff.expected diff --ages --older 60s ages.tms "$work/older.tms"
expect "a series with the ages of the last" ages-trend.expected diff --ages ages.tms ages.tms "$work/older.tms"
"$tmattach" diff --ages $old $new >"$work/out" 2>"$work/err"
if cmp -s diff.expected "$work/out" && grep -q "^tmattach: $new: it does not tell how old" "$work/err"
then ok "diff says where no ages are known"
else not_ok "diff says where no ages are known" "$work/err"
fi
expect "diff cumulative" diff-cumulative.expected diff --cumulative $old $new
expect "traces" traces.expected traces $new
gzip -c $new >"$work/new.pickle.gz"
cat $old $new >"$work/both.pickle"
head -c 150 "$work/new.pickle.gz" >"$work/cut.pickle.gz"
"$tmattach" convert $new -o "$work/table.csv"
expect "stats of a packed file" stats.expected stats "$work/new.pickle.gz"
expect "stats of a packed stdin" stats.expected stats - <"$work/new.pickle.gz"
expect "stats of the second in a file" stats.expected stats "$work/both.pickle#2"
expect "diff of the two in a file" diff.expected diff "$work/both.pickle#1" "$work/both.pickle#2"
s=series.pickle
expect "diff of a series" trend.expected diff "$s#1" "$s#2" "$s#3" "$s#4" "$s#5" "$s#6"
for i in 1 2 3 4 5 6; do # s10 before s2, as a shell has them
	"$tmattach" convert "series.pickle#$i" -o "$work/s.json"
	sed "s/\"taken_at\":null/\"taken_at\":\"2026-01-31T12:00:0$i.000Z\"/" "$work/s.json" \
		>"$work/s$(((i * 5) % 7)).json"
done
"$tmattach" diff "$work"/s?.json >"$work/out" 2>"$work/err"
if diff -u trend.expected "$work/out" >"$work/why" && grep -q 'in which they were taken' "$work/err"
then ok "a series is put into its order"
else not_ok "a series is put into its order" "$work/why"
fi
"$tmattach" stats "$work"/s[12].json >/dev/null 2>"$work/err"
if [ -s "$work/err" ]
then not_ok "no remark on snapshots of nobody knows whom" "$work/err"
else ok "no remark on snapshots of nobody knows whom"
fi
sed -i 's/"pid":null/"pid":4711/' "$work"/s[12].json
"$tmattach" stats "$work"/s[12].json >/dev/null 2>"$work/err"
if grep -q "s2.json: .*pid 4711 .* counts what lives on more than once" "$work/err"
then ok "stats remarks that a process is in it twice"
else not_ok "stats remarks that a process is in it twice" "$work/err"
fi
expect "diff of a series as JSON" trend.json diff -f json -l 2 "$s#1" "$s#2" "$s#3"
expect "diff of a series as CSV" trend.csv diff -f csv -l 2 "$s#1" "$s#2" "$s#3"
refuse "a series by traceback, cumulative" 2 'cumulative' diff -c -k traceback \
	$old $new $old
"$tmattach" convert $new -o "$work/rows.jsonl"
sed '1s/^/[/; $!s/$/,/; $s/$/]/' "$work/rows.jsonl" >"$work/rows.json"
expect "stats of a list of traces" stats.expected stats "$work/rows.json"
expect "stats of a list of traces, by content" stats.expected stats - <"$work/rows.json"
sed 's/{/{\n  /g; 1s/^./&\n/' "$work/rows.json" >"$work/indented"
expect "stats of a list of traces, indented" stats.expected stats "$work/indented"
echo '[[0,7,1,[]]]' >"$work/values.json"
refuse "a list of something else" 1 'a list, but not of traces' stats "$work/values.json"
refuse "a table by columns" 1 'a table by columns' stats - <<'END'
{"domain":{"0":0},"size":{"0":7},"total_nframe":{"0":1},"traceback":{"0":[{"filename":"a.py","lineno":1}]}}
END
expect "pretty top" pretty.expected stats -f pretty -l 2 $new
expect "pretty top, all groups" pretty-all.expected stats -f pretty $new
expect "filters with modifiers" filters.expected stats \
	--include app.py --line 8 --all-frames --include '<string>' \
	--exclude 'lib/*.pyc' --domain 0 $new
expect "a line of the most recent frame" filters-line.expected stats \
	--include app.py --line 8 --include '<unknown>' --line 0 $new
expect "domain filters" filters-domain.expected stats --include-domain 389047 \
	--include-domain 5 --exclude-domain 0 $new
expect "blocks of some sizes" block-size.expected stats --block-size 1K-1M $new
expect "a pattern that is not UTF-8" filters-latin.expected stats \
	--include "$(printf 'caf\351.py')" $new
head -n 5 traces.expected >"$work/first"
expect "traces, limited" "$work/first" traces -l 1 $new

expect "stats as JSON" stats.json stats -f json -l 1 $new
expect "diff as JSON" diff.json diff -f json -l 1 $old $new
expect "info as JSON" info.json info -f json $new
expect "traces as JSON Lines, limited" traces.jsonl traces -f json -l 2 $new
expect "stats as CSV" stats.csv stats -f csv $new
expect "info" info.txt info $new

# ---- the same program in two directories
for release in 1 2; do
	[ $release = 1 ] && from=$old || from=$new
	"$tmattach" convert --map "app.py=/srv/$release/app.py" $from -o "$work/$release.tms"
done
expect "diff of two directories, stripped" diff.expected diff --strip-prefix /srv/1 \
	--strip-prefix /srv/2/ "$work/1.tms" "$work/2.tms"
sed 's#^app.py#/srv/2/app.py#' diff.expected >"$work/mapped"
expect "diff of two directories, mapped" "$work/mapped" diff --map /srv/1=/srv/2 \
	"$work/1.tms" "$work/2.tms"
expect "filters see the new names" stats.expected stats --strip-prefix /srv/2 \
	--exclude '/srv/*' "$work/2.tms"
"$tmattach" convert --baseline "$work/1.tms" -o "$work/with.html" $old &&
"$tmattach" convert --baseline "$work/1.tms" -o "$work/without.html" --strip-prefix /srv/1 $old
if grep -q /srv/1 "$work/with.html" && ! grep -q /srv/1 "$work/without.html"
then ok "the baseline has the new names, too"
else not_ok "the baseline has the new names, too" /dev/null
fi
"$tmattach" diff "$work/1.tms" "$work/2.tms" >"$work/out" 2>"$work/err"
if grep -q "try --map '/srv/1=/srv/2'\$" "$work/err"
then ok "diff suggests --map"
else not_ok "diff suggests --map" "$work/err"
fi
expect "no such remark where all files are known" diff.expected diff $old $new
"$tmattach" diff -f json "$work/1.tms" "$work/2.tms" >"$work/out" 2>"$work/err"
if [ -s "$work/err" ]
then not_ok "no such remark beside json" "$work/err"
else ok "no such remark beside json"
fi
refuse "--map without a new name" 2 'OLD=NEW' stats --map /srv/1 $new
refuse "--map of nothing" 2 'OLD=NEW' stats --map =/srv/1 $new
refuse "--strip-prefix of nothing" 2 'directory' stats --strip-prefix '' $new

# ---- a pattern that is only the end of a name, as it is typed at first
for command in stats traces "convert -f tms -o $work/none"; do
	# shellcheck disable=SC2086
	"$tmattach" $command --include nosuch.py $new >"$work/out" 2>"$work/err"; status=$?
	if [ $status -eq 0 ] && grep -q 'no trace passes the filters' "$work/err"
	then ok "${command%% *}: filters that leave nothing are remarked upon"
	else not_ok "${command%% *}: filters that leave nothing are remarked upon" "$work/err"
	fi
done

for words in "--block-size 1-2" "--include-function nosuch"; do
	# shellcheck disable=SC2086
	"$tmattach" stats $words $new >"$work/out" 2>"$work/err"; status=$?
	if [ $status -eq 0 ] && grep -q 'no trace passes the filters' "$work/err"
	then ok "$words: nothing is left, and that is remarked upon"
	else not_ok "$words: nothing is left, and that is remarked upon" "$work/err"
	fi
done

for format in json csv; do
	if "$tmattach" traces -f $format --include nosuch.py $new >"$work/out" 2>"$work/err" &&
	   [ ! -s "$work/err" ]
	then ok "no such remark beside $format"
	else not_ok "no such remark beside $format" "$work/err"
	fi
done

# ---- every command tells about itself
commands=$("$tmattach" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z-]*\) .*/\1/p')
for command in ${commands:-none}; do
	if "$tmattach" $command --help >"$work/out" 2>"$work/err" &&
	   "$tmattach" $command -h | cmp -s - "$work/out" &&
	   grep -q "^Usage: tmattach $command" "$work/out" &&
	   grep -q '^Examples:' "$work/out" && [ ! -s "$work/err" ] &&
	   "$tmattach" --help | grep -q "^  $command " &&
	   "$tmattach" $command --version | grep -q '^tmattach [0-9]' &&
	   grep -q "^\*$command\*\( \|$\)" "$here/../../../src/cli/tmattach.1.scd"
	then ok "$command --help, --version, man page"
	else not_ok "$command --help, --version, man page" "$work/out"
	fi
done

if "$tmattach" --version | tr '\n' ' ' |
   grep -Eq '^tmattach [0-9.]+ commit: [0-9a-z-]+ build: [a-z ]+ built with: elfutils 0\.[0-9]+, libunwind [0-9.]+, .*glibc'
then ok "--version: commit, build and libraries"
else not_ok "--version: commit, build and libraries" /dev/null
fi

if [ -c /dev/full ]; then
	for words in --help --version "stats --help" "stats --version"; do
		# shellcheck disable=SC2086
		"$tmattach" $words >/dev/full 2>"$work/err"; status=$?
		if [ $status -eq 1 ] && grep -q '^tmattach: stdout: ' "$work/err"
		then ok "$words to a full disk"
		else not_ok "$words to a full disk: status $status" "$work/err"
		fi
	done
fi

# ---- snapshot files
for format in tms pickle; do
	"$tmattach" convert $new -o "$work/copy.$format" &&
		expect "convert to .$format and back" stats.expected stats "$work/copy.$format"
done
"$tmattach" convert $new --include app.py -f pickle -o - >"$work/app.pickle"
sed -n '1,2p' stats.expected >"$work/want"
expect "convert, filtered, to stdout" "$work/want" stats "$work/app.pickle"

# ---- wrong command lines
refuse "no command" 2 'COMMAND'
refuse "an unknown command" 2 'no such command' nosuch
refuse "an unknown option" 2 'nosuch' stats --nosuch $new
refuse "no source" 2 'SOURCE... is missing' stats
refuse "too many sources" 2 'one SOURCE only' traces $old $new
refuse "one side of a diff" 2 'not all are given' diff $old
refuse "an unknown key" 2 'size' stats -k size $new
refuse "cumulative tracebacks" 2 'cumulative' stats -k traceback -c $new
refuse "cumulative tracebacks, the other way round" 2 'cumulative' diff -c -k traceback $old $new
refuse "a bad limit" 2 '1x' stats -l 1x $new
refuse "a negative limit" 2 'limit' stats -l -1 $new
refuse "an unknown report" 2 'yaml' stats -f yaml $new
refuse "a report that top does not give" 2 'not text or pretty' top -b -f json $new
refuse "--line without a filter" 2 'line: must follow' stats --line 1 $new
refuse "--domain behind a domain filter" 2 'domain: must follow' stats --include-domain 0 --domain 1 $new
refuse "--all-frames without a filter" 2 'all-frames: must follow' stats --all-frames $new
refuse "sizes the wrong way round" 2 'MIN-MAX' stats --block-size 5-4 $new
refuse "no sizes" 2 'MIN-MAX' stats --block-size - $new
refuse "a size that is none" 2 'MIN-MAX' stats --block-size many $new
refuse "a bad domain" 2 '4294967296' stats --include-domain 4294967296 $new
refuse "--alloc of a third argument" 2 "'f:3' is not NAME, NAME:1 or NAME:2" start --alloc f:3 4194305
refuse "--free of a second argument" 2 "'f:2' is not NAME;" start --free f:2 4194305
refuse "--exact and --sample" 2 'only one of them' start --exact --sample 64K 4194305
refuse "--maps and --sample" 2 'only one of them' start --maps --sample 64K 4194305
refuse "the same of a command" 2 'only one of them' run --sample 64K --maps -- /nonexistent
refuse "--native alone" 2 'goes with --sample or --exact' start --native 4194305
refuse "--native alone, of a command" 2 'goes with --sample or --exact' run --native -- /nonexistent
refuse "--exact and --recorder" 2 'allocators: --recorder puts' start --exact --recorder 4194305
refuse "--native and --recorder" 2 'allocators: --recorder puts' start --recorder --sample 64K --native 4194305
refuse "--heap of the peak" 2 'alive now' dump --heap --peak -o /tmp/x.tmh 4194305
refuse "--heap of old blocks" 2 'alive now' dump --heap --older 5s -o /tmp/x.tmh 4194305
refuse "--line of other groups than types" 2 'not with another --key' objects --line -k module 4194305
refuse "--freeze and --no-fork" 2 'cannot be combined' stats --freeze --no-fork $new
refuse "a bad delay" 2 'delay' top -d 0 $new
refuse "no rounds" 2 'at least one' top -n 0 $new
refuse "a PID of 0" 2 'not a process id' stats 0
refuse "an empty word" 2 'SOURCE' stats ''
refuse "an empty list" 2 "'' is not a process id" stats -p ''
refuse "an option without its value" 2 'requires an argument' stats -k
refuse "an option of another command" 2 'freeze' start --freeze 1
refuse "a baseline of what is no page" 2 'html' convert $new --baseline $old -o "$work/out.tms"
refuse "a pickle of what is no pickle" 2 'format is csv' convert $new --pickle-for 3.8 -o "$work/out.csv"
refuse "threads below what is no picture" 2 'folded, speedscope and html' convert $new --threads -o "$work/out.tms"
refuse "threads below pprof's stacks" 2 "label 'thread'" convert $new --threads -o "$work/out.pb.gz"
refuse "threads that tracemalloc does not know" 2 'tracemalloc keeps none' convert $new --threads -o "$work/out.html"
refuse "a pickle for Python 2" 2 'not a version' convert $new --pickle-for 2.7 -o "$work/out.pickle"
refuse "a pickle for a Python too old" 2 '3.7 and later' convert $new --pickle-for 3.6 -o "$work/out.pickle"
refuse "a second snapshot of one" 2 'no snapshot number 2' stats "$new#2"
refuse "a second snapshot in a table" 2 'holds one' stats "$work/table.csv#2"
refuse "a file that unpacks to nothing" 1 'gzip has packed ends too early' stats "$work/cut.pickle.gz"
refuse "stacks as CSV" 2 'csv' threads -f csv 1
refuse "threads of a file" 2 'takes a process' threads $new
refuse "watch of a file" 2 'takes a process' watch --dump-dir "$work" $new
refuse "a list with a hole" 2 'not a process id' top -p 1,,2
refuse "dump without -o" 2 'say with -o' dump $new
refuse "an unknown suffix" 2 'suffix' convert $new -o "$work/out.zip"
refuse "an unknown format" 2 'zip' convert $new -f zip -o "$work/out.tms"
refuse "reset-peak of a file" 2 'takes a process' reset-peak $new

# ---- sources that are not there or not sound
mkdir "$work/to"
refuse "ages of what has none" 1 'does not tell how old' stats --older 60s $new
refuse "ages in a diff with what has none" 1 'ages.csv: it does not tell' diff --older 5s ages.tms "$work/ages.csv"
refuse "the same the other way round" 1 'ages.csv: it does not tell' diff --newer 5s "$work/ages.csv" ages.tms
refuse "a missing file" 1 'No such file' stats "$work/missing.tms"
refuse "a directory as file" 1 'directory' stats "$work/to"
refuse "an empty file" 1 'byte 0' stats /dev/null
printf 'hello\n' >"$work/hello"
refuse "an unknown file" 1 'byte' stats "$work/hello"
refuse "a process that is gone" 4 'no such process' stats 4194304
refuse "no process of this name" 4 'no process' stats --name "no-such-name-$$"
refuse "a name that would move the cursor" 1 'x1b\[31m' stats "$(printf 'no\033[31m')"
for format in tms pickle; do
	size=$(wc -c <"$work/copy.$format")
	[ $format = jsonl ] || [ $format = csv ] && cut=$((size - 5)) || cut=$((size / 2))
	head -c $cut "$work/copy.$format" >"$work/cut.$format"
	refuse "a truncated .$format" 1 'byte\|line' stats "$work/cut.$format"
done
{ head -c $(($(wc -c <"$work/copy.tms") - 9)) "$work/copy.tms"; printf 'Xanything'; } >"$work/bad.tms"
refuse "a .tms with changed bytes" 1 'byte' stats "$work/bad.tms"
printf 'cposix\nsystem\n(S"touch %s/to/owned"\ntR.' "$work" >"$work/bad.pickle"
refuse "a pickle that runs a command" 1 'byte' stats "$work/bad.pickle"
no_trace "nothing in a pickle was executed"

# ---- outputs that cannot be written
refuse "a missing directory" 1 'No such file' convert $new -o "$work/no/out.tms"
refuse "a directory as output" 1 'irectory' convert $new -f tms -o "$work/to"
for report in "stats $new" "stats -f json $new" "stats -f csv $new" "stats -f pretty $new" \
	"diff $old $new" "traces $new" "traces -f json $new" "info $new" "top -b $new" \
	"convert $new -f tms -o -"; do
	# shellcheck disable=SC2086
	"$tmattach" $report >/dev/full 2>"$work/err"; status=$?
	if [ $status -eq 1 ] && grep -q '^tmattach: .*No space left' "$work/err"
	then ok "full disk: $report"
	else echo "exit status $status" >>"$work/err"; not_ok "full disk: $report" "$work/err"
	fi
done
{ "$tmattach" traces $new; echo $? >"$work/status"; } 2>"$work/err" | :
if [ ! -s "$work/err" ]
then ok "a reader that leaves is no error message"
else not_ok "a reader that leaves is no error message" "$work/err"
fi
if [ "$(id -u)" -eq 0 ] && mkdir "$work/small" &&
   unshare --mount true 2>/dev/null; then
	unshare --mount sh -c '
		mount -t tmpfs -o size=4k none "$1/small" && cd "$1/small" &&
		cp "$3/old.pickle" keep.tms && cp keep.tms "$1/kept" &&
		dd if=/dev/zero of=fill bs=4k count=1 2>/dev/null
		cmp -s keep.tms "$1/kept" || exit 9
		"$2" convert "$3/new.pickle" -f jsonl -o keep.tms 2>"$1/err"
		[ $? -eq 1 ] && grep -q "No space left" "$1/err" &&
		cmp keep.tms "$1/kept" && [ "$(ls -A | tr "\n" " ")" = "fill keep.tms " ]
	' sh "$work" "$(realpath "$tmattach")" "$here" >"$work/why" 2>&1; status=$?
	cat "$work/err" >>"$work/why"
	if [ $status -eq 0 ]
	then ok "a full disk keeps the old file and leaves no half one"
	else not_ok "a full disk keeps the old file and leaves no half one" "$work/why"
	fi
else
	skip "a full disk: needs root to mount a small one"
fi
if [ "$(id -u)" -ne 0 ]; then
	chmod a-w "$work/to"
	refuse "an unwritable directory" 1 'ermission' convert $new -o "$work/to/out.tms"
	chmod u+w "$work/to"
elif command -v setpriv >/dev/null; then
	chmod 755 "$work" "$work/to"
	setpriv --reuid=65534 --regid=65534 --clear-groups "$tmattach" convert - -f tms \
		-o "$work/to/out.tms" <$new >"$work/out" 2>"$work/err"; status=$?
	if [ $status -eq 1 ] && grep -q '^tmattach: .*ermission' "$work/err"
	then ok "an unwritable directory"
	elif grep -q 'setpriv' "$work/err"
	then skip "an unwritable directory: the build tree is out of reach for others"
	else not_ok "an unwritable directory" "$work/err"
	fi
fi
no_trace "no half file was left"

if [ $skipped -gt 0 ]
then echo "$passed passed, $failed failed, $skipped skipped"
else echo "$passed passed, $failed failed"
fi
[ $failed -eq 0 ]
