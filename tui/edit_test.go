package tui

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"dione/net/messenger"
)

// editScreen has an editor, a script of the shell.
func editScreen(t *testing.T, script string) *screen {
	if runtime.GOOS == "windows" {
		t.Skip("the editor is a script")
	}
	path := filepath.Join(t.TempDir(), "edit")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	s := newScreen(t, newFake(bob), 80, 24)
	s.opts.Home = t.TempDir()
	s.opts.Env = func(name string) string { return map[string]string{"VISUAL": path}[name] }
	return s
}

// ran carries out the editor, as Bubble Tea does, and checks that nothing
// is left of the file.
func (s *screen) ran() {
	s.t.Helper()
	if s.editing == nil {
		s.t.Fatalf("no editor is open:\n%s", s.text())
	}
	s.editing.close(s.editing.Cmd.Run())
	s.send(editedMsg{})
	if left, err := os.ReadDir(s.opts.Home); err != nil || len(left) > 0 {
		s.t.Errorf("%v is left, %v", left, err)
	}
}

func TestEdit(t *testing.T) {
	for _, tt := range []struct {
		name, script string
		press        []string
		want         string
		says         string
		above        []string // what Up brings then, in an empty line
	}{
		{"a draft", `printf 'and\nmore\n' >>"$1"`, []string{"draft ", "ctrl+x"}, "draft and\nmore", "", []string{"draft "}},
		{"a beginning", `printf two >>"$1"`, []string{"/edit one ", "enter"}, "onetwo", "", []string{"one", "/edit one"}},
		{"nothing", `printf new >"$1"`, []string{"/edit", "enter"}, "new", "", []string{"/edit"}},
		{"emptied", `: >"$1"`, []string{"draft", "ctrl+x"}, "", "Up brings the text back", []string{"draft"}},
		{"hostile", `printf '\033[31mred\n' >"$1"`, []string{"ctrl+x"}, "[31mred", "", nil},
		{"as it was", `exit 0`, []string{"draft", "ctrl+x"}, "draft", "", nil},
		{"failed", `echo lost >"$1"; exit 3`, []string{"draft", "ctrl+x"}, "draft", "✗ the editor failed, the text is as it was: exit", nil},
		{"too long", `head -c 17000 /dev/zero | tr '\0' x >"$1"`, []string{"ctrl+x"}, "", "too long: limit 16 KiB", nil},
		{"twice", `printf x >>"$1"`, []string{"draft", "ctrl+x", "ctrl+x"}, "draftx", "", []string{"draft"}},
	} {
		s := editScreen(t, tt.script)
		s.keys(tt.press...)
		s.ran()
		c := s.open.composer
		if got := c.Text(); got != tt.want && tt.name != "too long" || tt.name == "too long" && len(got) != 17000 {
			t.Errorf("%s: %.80q, want %q", tt.name, got, tt.want)
		}
		s.want(tt.says)
		c.SetText("")
		for _, want := range tt.above {
			if s.keys("up"); c.Text() != want {
				t.Errorf("%s: Up brings %q, want %q", tt.name, c.Text(), want)
			}
		}
	}
}

// TestEditElsewhere is a text that comes back when another chat is open, and
// something has been given back to its composer.
func TestEditElsewhere(t *testing.T) {
	s := editScreen(t, `printf ' edited' >>"$1"`)
	s.keys("draft", "ctrl+x")
	s.open.composer.SetText("refused meanwhile")
	s.show(with(bob))
	s.ran()
	s.want("> write to bob")
	s.show(messenger.Room)
	s.want("> draft edited")
	s.keys("ctrl+c", "up", "up")
	s.want("> refused meanwhile")
}

func TestEditNot(t *testing.T) {
	s := newScreen(t, newFake(bob), 80, 24)
	s.keys("draft", "ctrl+x")
	s.want("✗ no editor is set", "export EDITOR=nano", "> draft")
	// A screen that ends before the editor has begun leaves nothing behind.
	s = editScreen(t, "exit 0")
	s.keys("draft", "ctrl+x")
	s.edited()
	if left, err := os.ReadDir(s.opts.Home); err != nil || len(left) > 0 || s.open.composer.Text() != "draft" {
		t.Errorf("%v is left, %v; %q is written", left, err, s.open.composer.Text())
	}
	if s.editing != nil {
		t.Error("it is still edited")
	}
}
