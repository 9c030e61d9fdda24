#!/bin/bash
# The live view in a real terminal, end to end, through tmux. Nothing sleeps
# for a fixed time: the screen is looked at until it shows what it should, or
# a deadline passes. After every way out, the terminal (screen, mouse, cursor,
# modes) and the target must be as they were.
set -u
cd "$(dirname "$0")/../.." || exit 2
B=${B:-build}
PYTHON=${PYTHON:-/usr/bin/python3}
TMATTACH=$(realpath "$B")/tmattach
command -v tmux >/dev/null || { echo "skipped - tmux is not installed"; exit 77; }

dir=$(mktemp -d /tmp/tmXXXX) || exit 2
passed=0 failed=0 what= target= pane= guards=
# For what hangs: nothing is timed with it.
DEADLINE=${DEADLINE:-120}

t() { tmux -S "$dir/tmux" "$@"; }

cleanup() {
	t kill-server 2>/dev/null
	[ -n "$target" ] && kill -KILL "$target" 2>/dev/null
	rm -rf "$dir"
}
trap cleanup EXIT

# until_ok SECONDS COMMAND...: try until it succeeds.
until_ok() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		read -r -t 0.05 <> <(:) || :
	done
}

screen() { t capture-pane -p -t "$pane" 2>/dev/null; }
shows() { screen | grep -q -e "$1"; }
hides() { ! shows "$1"; }

bad=0
fail() {
	[ $bad -eq 0 ] && { echo "# $what: $1"; screen | sed 's/^/#   |/'; }
	bad=1
	return 1
}
expect() { [ $bad -eq 0 ] && { until_ok "$DEADLINE" shows "$1" || fail "no \"$1\" on the screen"; }; }
expect_not() { [ $bad -eq 0 ] && { until_ok "$DEADLINE" hides "$1" || fail "\"$1\" stays on the screen"; }; }
check() { local name=$1; shift; [ $bad -eq 0 ] && { until_ok "$DEADLINE" "$@" || fail "$name"; }; }
keys() { t send-keys -t "$pane" "$@"; }

begin() { what=$1 bad=0; }
end() {
	if [ $bad -eq 0 ]; then
		passed=$((passed + 1)); echo "ok - view: $what"
	else
		failed=$((failed + 1)); echo "not ok - view: $what"
	fi
}

# ---- the target: allocates, counts aloud, and can be told what to do --------

cat >"$dir/target.py" <<'PY'
import os, sys, time, tracemalloc
base = sys.argv[1]
class Shop:
    def fill(self, n):
        return [bytes(1000) for i in range(n)]
keep = [Shop().fill(2000)]
beat = 0
def tell(name, text):
    with open(base + name + '.new', 'w') as f:
        f.write(text)
    os.rename(base + name + '.new', base + name)
while True:
    beat += 1
    tell('beat', str(beat))
    if tracemalloc.is_tracing():
        tell('traced', '%d %d' % tracemalloc.get_traced_memory())
    try:
        with open(base + 'order') as f:
            order = f.read().strip()
        os.unlink(base + 'order')
    except OSError:
        order = ''
    if order == 'exit':
        sys.exit(0)
    if order == 'exec':
        os.execv(sys.executable, [sys.executable, '-c', 'import time; time.sleep(1000)'])
    if order == 'become':
        os.execv('/bin/sh', ['sh', '-c', 'read x <"$0"', base + 'end'])
    if order == 'peak':
        big = bytearray(300 << 20)
        del big
        tell('peaked', 'yes')
    if order == 'grow':
        keep.append(Shop().fill(500))
        tell('grown', 'yes')
    time.sleep(0.01)
PY

start_target() { # [python options]
	rm -f "$dir"/{beat,traced,order,peaked,grown}
	setsid "$PYTHON" "$@" "$dir/target.py" "$dir/" >/dev/null 2>&1 &
	target=$!
	disown # its end is no news
	until_ok "$DEADLINE" test -s "$dir/beat" || fail "the target does not start"
}
stop_target() {
	[ -n "$target" ] && { kill -KILL "$target"; wait "$target"; } 2>/dev/null
	target=
}
order() { echo "$1" >"$dir/order.new" && mv "$dir/order.new" "$dir/order"; }
beats_on() { [ "$(cat "$dir/beat" 2>/dev/null || echo 0)" -gt "$1" ]; }
target_is_well() {
	local now
	now=$(cat "$dir/beat")
	check "the target does not go on" beats_on "$now"
	check "the target is still traced" grep -q '^TracerPid:[[:space:]]*0$' "/proc/$target/status"
}

# ---- the terminal: a shell in a pane ---------------------------------------------

open_shell() { # COLS ROWS [ENVIRONMENT...]
	t kill-server 2>/dev/null
	until_ok 5 test ! -S "$dir/tmux" || rm -f "$dir/tmux"
	local cols=$1 rows=$2
	shift 2
	env -u TMUX LC_ALL=C.UTF-8 tmux -S "$dir/tmux" -f /dev/null new-session -d \
		-x "$cols" -y "$rows" "env -u NO_COLOR LC_ALL=C.UTF-8 $* bash --norc --noprofile"
	pane=$(t list-panes -F '#{pane_id}')
	t set-option -g remain-on-exit on
	keys "PS1='ready> '; stty -g >$dir/modes; set -m; clear" Enter
	until_ok "$DEADLINE" test -s "$dir/modes" || fail "no shell"
	expect '^ready>'
}

run_view() { keys "$TMATTACH $*; echo \"status=\$?\"" Enter; }

gone() { ! kill -0 "$1" 2>/dev/null; }
view_pid() {
	local shell
	shell=$(t display-message -p -t "$pane" '#{pane_pid}')
	for pid in $(children "$shell"); do
		grep -q '^tmattach$' "/proc/$pid/comm" 2>/dev/null && echo "$pid"
	done
}

flags() { t display-message -p -t "$pane" '#{alternate_on}#{mouse_any_flag}#{cursor_flag}#{keypad_cursor_flag}'; }
flags_are() { [ "$(flags)" = "$1" ]; }
terminal_is_well() {
	check "the terminal is left in full screen, with a mouse or without a cursor ($(flags))" flags_are 0010
	rm -f "$dir/modes.after"
	# A shell of its own kind repairs modes by itself: ask at once, in one line.
	keys "" "stty -g >$dir/modes.after" Enter
	check "the shell does not answer" test -s "$dir/modes.after"
	check "the terminal's modes changed" cmp -s "$dir/modes" "$dir/modes.after"
	check "the view's guard stays behind" no_guard
}
children() { cat "/proc/$1/task/$1/children" 2>/dev/null; }
no_guard() { for pid in $guards; do ! kill -0 "$pid" 2>/dev/null || return 1; done; }

# Modes as the view itself leaves them, before any shell can mend them.
leaves_modes() {
	keys "$TMATTACH $target; stty -g >$dir/modes.after" Enter
}

start_view() {
	run_view "$target"
	expect 'target.py:5'
	check "no full screen" flags_are "$full"
	guards=$(children "$(view_pid)")
	[ -n "$guards" ] || fail "no guard"
}

# ---- the cases ----------------------------------------------------------------------

begin "opens with header, table and keys"
start_target -X tracemalloc=5
open_shell 80 24
run_view "$target"
expect "tmattach $target"
expect 'Traced .*Peak .*Limit 5 frames'
expect 'SIZE .*COUNT .*LOCATION'
expect 'target.py:5'
expect 'qQuit'
full=$(flags)
guards=$(children "$(view_pid)")
case $full in 11*) ;; *) fail "no full screen, or no mouse: $full" ;; esac
end

begin "every key does what it says"
keys 1; expect 'By file'
keys 3; expect 'By traceback'
keys c; expect 'no cumulative mode'
keys 5; expect 'only known to the recorder'
keys g; expect 'By function'
keys g; expect 'By file'
keys c; expect 'By file, cumulative'
keys c; keys 2; expect 'By line '
keys '>'; expect '▼COUNT'
keys '<'; expect '▼SIZE'
keys I; expect '▲SIZE'
keys I; expect '▼SIZE'
keys F6; expect 'Sort by'; keys Down Enter; expect '▼COUNT'
keys o; expect 'Sort by'; keys Up Enter; expect '▼SIZE'
keys /; keys 'no such'; expect 'no trace passes'
keys Escape; expect 'target.py:5'
keys /; keys 'target.py' Enter; expect 'Filters 1'
keys f; expect 'include \*target.py\*'; keys Escape
keys C; expect 'all filters removed'
keys x; expect 'exclude .*target.py:5'
expect 'Filters 1'; keys C; expect 'all filters removed'
keys i; expect 'include .*target.py:5'; expect 'Groups 1'; keys C
expect 'all filters removed'
keys m; expect 'baseline marked'
order grow; check "does not grow" test -s "$dir/grown"
keys d; expect 'diff'; expect '+[0-9.]* KiB'
keys M; expect 'baseline is removed'; expect_not 'diff'
keys D; expect 'Domain 0'; keys D; expect_not 'Domain'
keys Space; expect 'Refresh paused'; keys Space; expect 'Refresh 2.0 s'
keys +; expect 'Refresh 1.0 s'; keys -; expect 'Refresh 2.0 s'
keys Home Enter; expect 'tracebacks\?, at'; expect 'in Shop.fill'
expect 'return \[bytes(1000) for i in range(n)\]'
keys Escape; expect 'qQuit'
keys t; expect 'Start tracing'; keys Escape; expect_not 'Start tracing'
keys h; expect 'Keys of tmattach'; keys q; expect 'qQuit'
keys '?'; expect 'Keys of tmattach'; keys Escape; expect 'qQuit'
keys F1; expect 'Keys of tmattach'; keys q; expect 'qQuit'
keys F3; keys 'target'; expect 'Search: target'; keys Enter n N
expect 'qQuit'
keys s; expect 'Save as: tmattach-'
keys C-u; keys "$dir/saved.tms" Enter; expect 'saved .*saved.tms'
keys s C-u; keys "$dir/saved.tms" Enter; expect 'Replace it?'; keys n
expect 'qQuit'
check "nothing was saved" test -s "$dir/saved.tms"
keys C-l; expect 'target.py:5'
end

begin "reset peak is done in the target"
order peak; check "makes no peak" test -s "$dir/peaked"
expect 'Peak 30[0-9] MiB'
keys r; expect 'the peak was reset'
peak_is_low() { local peak; peak=$(cut -d' ' -f2 "$dir/traced"); [ "$peak" -lt $((100 << 20)) ]; }
check "the target's own peak is as before" peak_is_low
expect_not 'Peak 30[0-9] MiB'
end

begin "resizes while it samples"
keys +++++
for size in 120x40 20x5 200x60 1x1 80x3 132x24 80x24; do
	t resize-window -x "${size%x*}" -y "${size#*x}"
	check "wrong size $size" test "$(t display-message -p -t "$pane" '#{window_width}x#{window_height}')" = "$size"
done
expect 'qQuit'
expect "tmattach $target"
last_row() { screen | sed -n 24p | grep -q 'F1Help.*qQuit'; }
check "the footer is not in the last row" last_row
keys -l -- -----
end

begin "q leaves everything as it was"
keys q; expect 'status=0'
terminal_is_well; target_is_well
leaves_modes; expect 'target.py:5'; rm -f "$dir/modes.after"; keys q
check "no modes" test -s "$dir/modes.after"
check "the view leaves other modes" cmp -s "$dir/modes" "$dir/modes.after"
end

begin "^Z suspends, fg resumes"
keys 'clear' Enter; start_view
keys C-z; expect 'Stopped'
check "not the normal screen" flags_are 0010
target_is_well
keys 'fg; echo "resumed=$?"' Enter; expect 'qQuit'; expect 'target.py:5'
keys 2; keys 1; expect 'By file'
keys q; expect 'resumed=0'; terminal_is_well; target_is_well
end

begin "^C quits"
keys 'clear' Enter; start_view
keys C-c; expect 'status=0'; terminal_is_well; target_is_well
end

for signal in TERM HUP QUIT INT KILL SEGV ABRT; do
	begin "SIG$signal leaves terminal and target right"
	keys 'clear' Enter; start_view
	pid=$(view_pid)
	[ -n "$pid" ] || fail "the view is not found"
	[ -n "$pid" ] && kill "-$signal" "$pid"
	# The shell may write its prompt before the guard has left the full
	# screen; then the message is gone with it, but nothing else.
	[ $signal = KILL ] || expect 'status='
	[ $signal = TERM ] && expect 'status=143'
	check "the view is still there" gone "$pid"
	terminal_is_well; target_is_well
	end
done

begin "a lost terminal ends the view, not the target"
keys 'clear' Enter; start_view
pid=$(view_pid)
t kill-server
check "the view goes on without a terminal" gone "$pid"
check "the guard stays behind" no_guard
target_is_well
end

begin "the target's exit is shown, the table stays"
open_shell 80 24; start_view
order exit; wait "$target" 2>/dev/null
expect 'exited (last table)'
keys 1; expect 'By file'; expect 'target.py'
keys Enter; expect 'tracebacks\?, at'; keys q; expect 'qQuit'
keys q; expect 'status=0'; terminal_is_well
target=
end

begin "the target's exec is shown, the table stays, the new program is traced"
start_target -X tracemalloc=5
keys 'clear' Enter; start_view
order exec
expect 'another program (exec, last table): not tracing, t starts it'
expect 'target.py:5'
keys t Enter; expect 'frames per traceback'; keys 3 Enter
expect 'is tracing, up to 3 frames'; expect 'Limit 3 frames'
expect_not 'target.py:5'; expect_not 'another program'
keys q; expect 'status=0'; terminal_is_well
stop_target
end

begin "the end of what a target became by exec leaves the table, too"
start_target -X tracemalloc=5
mkfifo "$dir/end"
keys 'clear' Enter; start_view
order become
expect 'another program (exec, last table): not a Python process'
expect 'target.py:5'
echo >"$dir/end"
expect 'pid .*(last table)$'; expect_not 'another program'
keys 1; expect 'By file'; expect 'target.py'
keys q; expect 'status=0'; terminal_is_well
target=
end

begin "tracing is started, cleared and stopped from the view"
start_target
keys 'clear' Enter; run_view "$target"
expect 'not tracing its allocations'
expect "press t; or in a shell"
expect "tmattach start --nframe 25 $target"
keys t; expect 'Start tracing'; keys Enter; expect 'frames per traceback .*\[25\]'
keys Escape; expect 'not tracing its allocations'
keys t Enter; expect 'frames per traceback'
keys 7 Enter; expect 'is tracing, up to 7 frames'
order grow; check "does not grow" test -s "$dir/grown"
expect 'Limit 7 frames'; expect 'target.py:5'; expect 'By line'
check "the target does not trace" test -s "$dir/traced"
keys t Enter; expect '\[7\]'; keys Enter
expect 'was tracing already, up to 7 frames'
keys t Down Enter; expect 'Forget all traces of pid'; keys n
expect_not 'Forget all traces'; expect 'target.py:5'
keys t Enter; expect 'frames per traceback'; keys Escape
keys t; expect 'Clear the traces'; keys Down Enter
expect 'Forget all traces of pid'; keys y
expect 'the traces were cleared'; expect_not 'target.py:5'
keys t; expect 'Stop tracing'; keys Down Down Enter
expect 'Stop tracing in pid .*?'; keys y
expect 'tracing was stopped'; expect 'Tracing off'
# The target writes what it traces only while it traces.
rm -f "$dir/traced"; target_is_well
[ -e "$dir/traced" ] && fail "the target still traces"
keys q; expect 'status=0'; terminal_is_well; target_is_well
end

begin "threads are listed with their stacks"
keys 'clear' Enter; run_view "$target"
expect 'not tracing its allocations'
keys T; expect "pid $target: 1 thread"
expect "Thread $target python3"; expect 'in <module>'; expect 'Native (most recent'
expect 'target.py", line'
keys u; expect "pid $target: 1 thread"; keys q; expect 'qQuit'
keys q; expect 'status=0'; terminal_is_well; target_is_well
stop_target
end

begin "objects are listed with who holds them, without tracing"
start_target
open_shell 100 30
run_view "$target"; expect 'not tracing'
keys O; expect "pid $target: .* objects, .* types, stopped for"
keys / bytes; expect 'Types: bytes'; keys Enter; expect 'shown: bytes$'; expect ' bytes$'
keys m; expect 'baseline marked'
order grow; check "it does not grow" test -s "$dir/grown"
keys u; expect '+[45][0-9][0-9] .* bytes$'
keys r; expect 'RETAINED'; expect_not ' \.\.\. bytes$'
keys Enter; expect ' 2500 .* __main__.keep\[\*\]\[\*\]'
keys Enter; expect 'held by __main__.keep'; expect '__main__.keep\[0\]\[[0-9]*\]$'
keys q; expect 'HELD BY'; keys q; expect 'shown: bytes'; keys q; expect 'qQuit'
target_is_well
keys q; expect '^status=0'
stop_target
end

begin "a process that is no Python is shown as such"
setsid sleep 1000 & target=$!
check "it does not start" grep -q '^sleep$' "/proc/$target/comm"
keys 'clear' Enter; run_view "$target"
expect "pid $target"; expect 'qQuit'; expect 'tried again'
keys T; expect "Thread $target sleep"; expect 'Native (most recent'; keys q
keys q; expect 'status=0'; terminal_is_well
stop_target
end

begin "the recorder is put into it and taken out again by a key"
# A shell allocates for every line it is given.
mkfifo "$dir/lines"
setsid dash -c 'while read -r line; do keep="$keep$line"; : >"$0"; done' "$dir/fed" <>"$dir/lines" & target=$!
feed() { rm -f "$dir/fed"; printf '%2000s\n' x >"$dir/lines"; check "the shell does not go on" test -e "$dir/fed"; }
feed
keys 'clear' Enter; run_view "$target"
expect 'press t; it asks first'
keys t; expect 'Start tracing'; keys Enter; expect 'frames per traceback'; keys 8 Enter
expect 'recorder for native programs into pid'; keys n
expect 'press t; it asks first'
recorder_in() { grep -q tmattach "/proc/$target/maps"; }
[ $bad -eq 0 ] && { recorder_in && fail "the recorder came unasked"; }
keys t Enter 8 Enter; expect 'recorder for native programs into pid'; keys y
expect 'is tracing, up to 8 frames'; expect 'Limit 8 frames'
feed; feed; keys u; expect 'COUNT'; expect 'KiB\|[0-9] B '
keys t Down Down Enter; expect 'Stop tracing in pid'; keys y
expect 'tracing was stopped'
keys q; expect 'status=0'; terminal_is_well
feed
[ $bad -eq 0 ] && { recorder_in && fail "the recorder stays behind"; }
stop_target
end

begin "no such process: a message and status 4, no flash of a screen"
keys 'clear' Enter; run_view 4194304
expect 'status=4'; shows 'pid 4194304' || fail "no message"
terminal_is_well
end

begin "a file is browsed offline"
keys 'clear' Enter; run_view "top $dir/saved.tms"
expect 'saved.tms'; expect 'target.py:5'
keys 1; expect 'By file'
keys T; expect 'a snapshot has no threads'; keys t; expect 'this is a snapshot'
keys q; expect 'status=0'; terminal_is_well
end

begin "two processes are merged and switched"
start_target -X tracemalloc=5; first=$target
setsid "$PYTHON" -X tracemalloc=5 "$dir/target.py" "$dir/second" >/dev/null 2>&1 & second=$!
until_ok "$DEADLINE" test -s "$dir/secondbeat" || fail "no second target"
keys 'clear' Enter; run_view "top $first $second"
expect "all(2)  $first  $second"; expect 'target.py:5'
keys Tab; expect "all(2)  $first  $second  .*python3"
keys Tab Tab; expect 'target.py:5'
keys q; expect 'status=0'; terminal_is_well
kill -KILL $second; wait $second 2>/dev/null
end

begin "plain ASCII where the locale is"
open_shell 80 24 LC_ALL=C
start_view_ascii() { run_view "$target"; expect 'vSIZE'; expect 'target.py:5'; }
start_view_ascii
[ $bad -eq 0 ] && { screen | LC_ALL=C grep -q '[^ -~]' && fail "not only ASCII"; }
keys q; expect 'status=0'; terminal_is_well
end

begin "NO_COLOR is obeyed"
open_shell 80 24 NO_COLOR=1; start_view
colored() { t capture-pane -e -p -t "$pane" | grep -q $'\033\\[[0-9;]*\\(3[0-7]\\|4[0-7]\\|38\\|48\\|9[0-7]\\)[0-9;]*m'; }
[ $bad -eq 0 ] && { colored && fail "there are colours"; }
keys q; expect 'status=0'
open_shell 80 24; start_view
check "no colours without NO_COLOR" colored
keys q; expect 'status=0'; terminal_is_well; target_is_well
end

begin "a terminal of an unknown type is taken for the nearest"
open_shell 80 24 TERM=xterm-of-tomorrow; start_view
check "no colours, as xterm has" colored
keys q; expect 'status=0'; terminal_is_well; target_is_well
end

begin "a terminal without capabilities is refused"
open_shell 80 24 TERM=dumb; run_view "$target"
expect 'status=1'; shows 'cursor' || fail "no reason given"
terminal_is_well; target_is_well
end

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
