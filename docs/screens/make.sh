#!/bin/sh
# Makes the pictures beside it, out of the real program: ann has a screen in
# tmux, bob and carol write in line mode, all of them on this machine and in a
# network of their own. It needs Go and tmux, and takes half a minute.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
tm() { tmux -L "dione-screens-$$" -f "$work/tmux.conf" "$@"; }
end() {
	tm kill-server 2>/dev/null || true
	kill $pids 2>/dev/null || true
	wait
	rm -rf "$work"
}
pids=
trap end EXIT
cat >"$work/tmux.conf" <<'END'
set -g default-terminal tmux-256color
set -as terminal-features ',*:RGB'
set -g status off
END
columns=92 rows=26

go build -o "$work/dione" dione
go build -o "$work/paint" dione/docs/screens/paint
export XDG_RUNTIME_DIR="$work" DIONE_NETWORK="screens" HOME="$work" TZ=UTC COLORTERM=truecolor

# person NAME: runs dione in line mode, which reads what is written to NAME.in.
person() {
	mkfifo "$work/$1.in"
	"$work/dione" --home "$work/$1" --name "$1" --plain <"$work/$1.in" >"$work/$1.out" 2>&1 &
	pids="$pids $!"
}
person bob
exec 3>"$work/bob.in"
person carol
exec 4>"$work/carol.in"

# see TEXT: waits until it is on ann's screen.
see() {
	for _ in $(seq 200); do
		if tm capture-pane -p -t ann | grep -qF -- "$1"; then return; fi
		sleep 0.1
	done
	echo "make.sh: \"$1\" does not come on the screen:" >&2
	tm capture-pane -p -t ann >&2
	exit 1
}
# types TEXT: as a person does, for the recording.
types() {
	printf '%s\n' "$1" | fold -w 1 | while IFS= read -r letter; do
		tm send-keys -t ann -l -- "$letter"
		sleep 0.04
	done
	sleep 0.3
}
press() { tm send-keys -t ann "$@"; sleep 0.3; }
# picture NAME: what is on the screen, as text and as SVG.
picture() {
	sleep 0.3
	tm capture-pane -p -t ann >"$1.txt"
	tm capture-pane -p -e -t ann | "$work/paint" svg >"$1.svg"
}

tm new-session -d -x $columns -y $rows -s ann "sleep 1; exec '$work/dione' --home '$work/ann' --name ann"
tm pipe-pane -t ann "exec '$work/paint' cast $columns $rows >'$work/first-minute.cast'"
see "2 people are near"
sleep 1
picture start

types "hello, anybody here?"
press Enter
see "✓"
echo "yes, all of us" >&3
see "yes, all of us"
echo "hi ann! did the build pass?" >&4
see "did the build pass"
types "green since noon"
press Enter
sleep 1
echo "/msg ann psst, the notes are at https://example.org/notes" >&3
sleep 1
press M-Down
see "psst"
types "thanks, I read them tonight"
press Enter
see "✓"
echo "/msg ann one more: lunch tomorrow?" >&3
see "lunch"
echo "great, then let us ship it **today**, before everybody leaves: https://example.org/build/42" >&4
sleep 1
tm pipe-pane -t ann # ends the recording
picture private

press M-Up
picture room
press C-f
types "build"
see "found"
picture search
press Escape
press Escape
types "/verify bob"
press Enter
see "Esc closes"
picture verify
press Escape
press F1
see "WRITING"
picture help
press Escape
mv "$work/first-minute.cast" .
ls -- *.svg *.txt *.cast
