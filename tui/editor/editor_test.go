package editor

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// env is an environment with an editor, which is a script of the shell.
func env(t *testing.T, script string) (home string, get func(string) string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the editor is a script")
	}
	home = t.TempDir()
	path := filepath.Join(t.TempDir(), "my editor")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	return home, func(name string) string {
		return map[string]string{"EDITOR": path, "XDG_RUNTIME_DIR": "/nowhere"}[name]
	}
}

// left returns what is in a directory.
func left(t *testing.T, dir string) []fs.DirEntry {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func TestEdit(t *testing.T) {
	for _, tt := range []struct {
		name, script, was, want, err string
	}{
		{"more", `printf 'more\n' >>"$1"`, "one\n", "one\nmore\n", ""},
		{"a line break at the end", `printf 'two\r\nlines\n' >"$1"`, "one", "two\nlines", ""},
		{"by another file", `echo new >"$1~"; mv "$1~" "$1"; touch "$1.swp"`, "one", "new", ""},
		{"nothing", `: >"$1"`, "one", "", ""},
		{"failed", `echo lost >"$1"; exit 1`, "one", "one", "the editor failed, the text is as it was: exit status 1"},
		{"taken away", `rm "$1"`, "one", "one", "read what was edited, the text is as it was"},
		{"a directory now", `rm "$1"; mkdir "$1"`, "one", "one", "read what was edited, the text is as it was"},
		{"far too long", `head -c 3000000 /dev/zero | tr '\0' x >"$1"`, "", strings.Repeat("x", maxText), "cut after 1024 KiB"},
		{"private", `ls -ld "$1" "$(dirname "$1")" | cut -c1-10 >"$1"`, "", "drwx------\n-rw-------", ""},
	} {
		home, get := env(t, tt.script)
		e, err := New(tt.was, home, get)
		if err != nil {
			t.Fatal(err)
		}
		got, err := e.Close(e.Cmd.Run())
		if got != tt.want {
			t.Errorf("%s: %.80q, want %.80q", tt.name, got, tt.want)
		}
		if (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.err)
		}
		if entries := left(t, home); len(entries) > 0 {
			t.Errorf("%s: %v is left", tt.name, entries)
		}
	}
}

func TestNew(t *testing.T) {
	home, get := env(t, "")
	run := t.TempDir()
	memory := func(name string) string {
		if name == "XDG_RUNTIME_DIR" {
			return run
		}
		return get(name)
	}
	e, err := New("secret", home, memory)
	if err != nil || len(left(t, run)) != 1 || len(left(t, home)) != 0 {
		t.Fatalf("New: %v, %v and %v", err, left(t, run), left(t, home))
	}
	if _, err := e.Close(errors.New("never run")); err == nil || len(left(t, run)) != 0 {
		t.Errorf("Close: %v, %v is left", err, left(t, run))
	}
	for _, tt := range []struct {
		name, home, editor, err, hint string
	}{
		{"none", home, " ", "no editor is set", "export EDITOR=nano"},
		{"unknown", home, "no-such-editor -w", "the editor no-such-editor is not there: executable file not found", "export EDITOR=vi"},
		{"no place", "", get("EDITOR"), "make a private file", ""},
		{"no home", home + "/none", get("EDITOR"), "make a private file", ""},
	} {
		_, err := New("secret", tt.home, func(name string) string { return map[string]string{"EDITOR": tt.editor}[name] })
		if err == nil || !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.err)
		}
		var e *Error
		if errors.As(err, &e) != (tt.hint != "") || e != nil && !strings.Contains(e.Hint(), tt.hint) {
			t.Errorf("%s: the hint of %v is not %q", tt.name, err, tt.hint)
		}
	}
}

func TestSweep(t *testing.T) {
	home, get := env(t, "")
	if _, err := New("left by a crash", home, get); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(home, "other"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Sweep(home); err != nil || len(left(t, home)) != 1 {
		t.Errorf("Sweep: %v, %v is left", err, left(t, home))
	}
}

func TestSplit(t *testing.T) {
	for line, want := range map[string][]string{
		"vi":                        {"vi"},
		"code --wait":               {"code", "--wait"},
		` "/My Apps/edit"  -a ''  `: {"/My Apps/edit", "-a", ""},
		`a'b c'"d e"`:               {"ab cd e"},
		`it"s`:                      {"its"},
		`C:\edit.exe x`:             {`C:\edit.exe`, "x"},
		"":                          {""},
	} {
		if got := split(line); !slices.Equal(got, want) {
			t.Errorf("split(%q) = %q, want %q", line, got, want)
		}
	}
}
