package notify

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// env makes variables of "NAME=value" words.
func env(vars string) func(string) string {
	return func(name string) string {
		for f := range strings.FieldsSeq(vars) {
			if k, v, _ := strings.Cut(f, "="); k == name {
				return v
			}
		}
		return ""
	}
}

func TestChoose(t *testing.T) {
	for _, tt := range []struct {
		way  Way
		vars string
		want Way
	}{
		{Auto, "", Bell},
		{"", "TERM=xterm-256color", Bell},
		{Auto, "TERM=xterm-kitty", OSC99},
		{Auto, "TERM=xterm-256color KITTY_WINDOW_ID=1", OSC99},
		{Auto, "TERM=xterm-256color TERM_PROGRAM=iTerm.app", OSC9},
		{Auto, "TERM=xterm-256color LC_TERMINAL=iTerm2", OSC9},
		{Auto, "TERM=xterm-ghostty TERM_PROGRAM=ghostty", OSC777},
		{Auto, "TERM=xterm-256color TERM_PROGRAM=WezTerm", OSC777},
		{Auto, "TERM=foot", OSC777},
		{Auto, "TERM=foot-extra", OSC777},
		{Auto, "TERM=contour", OSC777},
		{Auto, "TERM=xterm-256color TERM_PROGRAM=Apple_Terminal", Bell},
		{Auto, "TERM=tmux-256color TMUX=/tmp/t,1,0 KITTY_WINDOW_ID=1", Bell},
		{Auto, "TERM=screen-256color", Bell},
		{Auto, "TERM=xterm-kitty STY=1.a", Bell},
		{OSC9, "TERM=tmux-256color TMUX=/tmp/t,1,0", OSC9},
		{Off, "TERM=xterm-kitty", Off},
	} {
		if got := Choose(tt.way, env(tt.vars)); got != tt.want {
			t.Errorf("Choose(%q, %q) = %q, want %q", tt.way, tt.vars, got, tt.want)
		}
	}
}

func TestSequence(t *testing.T) {
	const evil = "1 new\x1b]0;owned\x07\n\u009d; message\x00\xff"
	for _, tt := range []struct {
		way  Way
		vars string
		want string
	}{
		{OSC9, "", "\x1b]9;dione: 1 new]0;owned; message\x07"},
		{OSC99, "", "\x1b]99;i=dione:d=0:p=title;dione\x07\x1b]99;i=dione:d=1:p=body:o=unfocused;1 new]0;owned; message\x07"},
		{OSC777, "", "\x1b]777;notify;dione;1 new]0,owned, message\x07"},
		{OSC9, "TMUX=1", "\x1bPtmux;\x1b\x1b]9;dione: 1 new]0;owned; message\x07\x1b\\"},
		{OSC9, "STY=1", "\x1bP\x1b]9;dione: 1 new]0;owned; message\x07\x1b\\"},
		{Bell, "TMUX=1", "\a"},
		{Auto, "", "\a"},
		{Command, "", ""},
		{Off, "", ""},
	} {
		if got := Sequence(tt.way, evil, env(tt.vars)); got != tt.want {
			t.Errorf("Sequence(%s) with %q = %q, want %q", tt.way, tt.vars, got, tt.want)
		}
	}
}

func TestWords(t *testing.T) {
	bob := Message{From: "bob ·x7k2", Text: "psst"}
	room := Message{From: "carol", Room: "#lan", Text: "ann: look"}
	named := room
	named.Mentioned = true
	many := []Message{bob, bob, {From: "a"}, {From: "b"}, {From: "c"}, named}
	long := Message{From: "bob", Text: strings.Repeat("ä", maxWords+1)}
	for _, tt := range []struct {
		how  Text
		news []Message
		want string
	}{
		{None, []Message{bob}, "1 new message"},
		{"", []Message{bob, bob}, "2 new messages"},
		{None, []Message{named}, "1 new message, for you"},
		{None, many, "6 new messages, 1 for you"},
		{Names, []Message{bob}, "1 new message from bob ·x7k2"},
		{Names, []Message{bob, room, bob}, "3 new messages from bob ·x7k2 and carol"},
		{Names, many, "6 new messages from bob ·x7k2, a, b and others, 1 for you"},
		{All, []Message{bob}, "bob ·x7k2: psst"},
		{All, []Message{room}, "carol in #lan: ann: look"},
		{All, []Message{bob, room}, "2 new messages from bob ·x7k2 and carol"},
		{All, []Message{long}, "bob: " + strings.Repeat("ä", maxWords-1) + "…"},
		{All, []Message{{From: "e\x1b[31mvil", Text: "a\x07b"}}, "e[31mvil: ab"},
	} {
		var n News
		for _, m := range tt.news {
			n.Add(m)
		}
		if got := n.Take(tt.how); got != tt.want || !n.Empty() {
			t.Errorf("%s of %d messages: %q, want %q", tt.how, len(tt.news), got, tt.want)
		}
	}
}

func TestRun(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the test's program is a script of sh")
	}
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	script := filepath.Join(dir, "told")
	if err := os.WriteFile(script, []byte("#!/bin/sh\nprintf '%s|%s' \"$*\" \"$DIONE_NOTICE\" >\""+out+"\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Run(context.Background(), []string{script, "a b", "$(id)"}, "2 new\x1b messages; $(reboot)"); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(out)
	if want := "a b $(id)|2 new messages; $(reboot)"; err != nil || string(got) != want {
		t.Errorf("the program saw %q, %v; want %q", got, err, want)
	}
	if err := Run(context.Background(), []string{filepath.Join(dir, "none")}, "x"); err == nil {
		t.Error("a program that does not exist was run")
	}
	if err := Run(context.Background(), nil, "x"); err == nil {
		t.Error("no program was run")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := Run(ctx, []string{script}, "x"); err == nil {
		t.Error("a program was run whose time was up")
	}
}
