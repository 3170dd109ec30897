package file

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPath(t *testing.T) {
	home, err := os.UserHomeDir()
	if err != nil {
		t.Skip(err)
	}
	for typed, want := range map[string]string{"~": home, "~/a b": home + "/a b", "~bob/a": "~bob/a", "a~": "a~", "/a": "/a", "": ""} {
		if got := Path(typed); got != want {
			t.Errorf("Path(%q) = %q, want %q", typed, got, want)
		}
	}
}

func TestPassphrase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pass")
	for content, want := range map[string]string{
		"words\r\nmore": "words", "words": "words", "": "", "\nwords": "",
		strings.Repeat("x", maxLine-1) + "\n": strings.Repeat("x", maxLine-1),
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := Passphrase(path); err != nil || string(got) != want {
			t.Errorf("of %.10q: %.10q, %v", content, got, err)
		}
	}
	if err := os.WriteFile(path, []byte(strings.Repeat("x", maxLine+1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Passphrase(path); err == nil {
		t.Error("a line that is too long is taken")
	}
}
