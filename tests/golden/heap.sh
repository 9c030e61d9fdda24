#!/bin/sh
# objects, refs and dump --heap on heaps made by hand (tests/heap/shop.h).
# UPDATE=1 rewrites what is expected: read the difference.
set -u
cd "$(dirname "$0")/../.." || exit 1
B=${B:-build}
tmattach=$PWD/$B/tmattach want=$PWD/tests/golden/heap
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

ok() { passed=$((passed + 1)); echo "ok - $1"; }
not_ok() { failed=$((failed + 1)); echo "not ok - $1"; sed 's/^/# /' "$2"; }

"$B/tests/heap/make" "$work/old.tmh" 100 30 && "$B/tests/heap/make" "$work/new.tmh" 120 0 ||
	{ echo "not ok - no heaps to look at"; exit 1; }
cd "$work" || exit 1

# expect NAME ARG...: stdout is what it was
expect() {
	name=$1; shift
	"$tmattach" "$@" >out 2>err; status=$?
	[ -z "${UPDATE:-}" ] || cp out "$want/$name"
	if [ $status -eq 0 ] && [ ! -s err ] && diff -u "$want/$name" out >why 2>&1
	then ok "$name"
	else echo "exit status $status" | cat - err >>why; not_ok "$name" why
	fi
}

# refuse STATUS PATTERN ARG...: that status, that message, nothing on stdout
refuse() {
	status=$1 pattern=$2; shift 2
	"$tmattach" "$@" >out 2>err; got=$?
	if [ $got -eq "$status" ] && [ ! -s out ] && grep -q "^tmattach: .*$pattern" err
	then ok "refuses: $pattern"
	else echo "exit status $got, not $status" | cat - err out >why
	     not_ok "refuses: $pattern" why
	fi
}

expect objects.txt objects old.tmh
expect objects-module.txt objects -k module old.tmh
expect objects-root.txt objects -k root old.tmh
expect objects-retained.txt objects -f pretty --retained -l 5 old.tmh
expect objects-diff.txt objects old.tmh new.tmh
expect objects-filters.txt objects --module 'shop.*' --min-size 2K old.tmh
expect objects-garbage.txt objects --garbage old.tmh
expect objects-no-holder.txt objects --no-holder old.tmh
expect objects-suspects.txt objects --suspects old.tmh
expect objects-slack.txt objects --slack old.tmh
expect objects.json objects -f json -l 2 --retained old.tmh
expect objects-diff.json objects -f json -l 1 old.tmh new.tmh
expect objects-none.json objects -f json --type nothing old.tmh
expect objects.csv objects -f csv old.tmh new.tmh
expect suspects.json objects -f json --suspects old.tmh
expect refs.txt refs old.tmh shop.models.User
expect refs-links.txt refs old.tmh int
expect refs-pretty.txt refs -f pretty old.tmh shop.models.Session
expect refs-down.txt refs --down old.tmh shop.cache.store
expect refs.json refs -f json old.tmh shop.models.User
expect refs.csv refs -f csv old.tmh int
expect paths.folded dump --heap new.tmh -f folded -o -
expect stdin.txt objects - <old.tmh

refuse 1 'no such file\|No such file' objects nothing.tmh
printf 'x' >x.tmh
refuse 1 'not a .tmh file' objects x.tmh
head -c 500 old.tmh >short.tmh
refuse 1 'damaged at byte' refs short.tmh int
refuse 1 'do not keep the values' objects --duplicates old.tmh
refuse 2 'cannot be combined' objects --garbage --slack old.tmh
refuse 2 'is not type, module or root' objects -k lineno old.tmh
refuse 2 'EXPRESSION is missing' refs old.tmh
refuse 2 'only --duplicates shows values' objects --values old.tmh
refuse 2 'there is no object at 0x10' refs old.tmh 0x10
refuse 2 'no format has this suffix' dump --heap old.tmh -o x.nothing
# An unknown type is no failure; a word for people says so.
"$tmattach" refs -f json old.tmh shop.models.Nothing >out 2>err
if [ $? -eq 0 ] && grep -q '"count":0.*"paths":\[\]' out
then ok "an unknown type is an empty list"
else cat out err >why; not_ok "an unknown type is an empty list" why
fi
# No value of a string is printed or written.
"$tmattach" dump --heap old.tmh -o x.heapsnapshot
if cat x.heapsnapshot "$want"/* | grep -q 'name [0-9]'
then echo "name" >why; not_ok "values are private" why
else ok "values are private"
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
