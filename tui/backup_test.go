package tui

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The passphrase of a backup is written twice, and never shown.
func TestBackup(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newScreen(t, newFake(bob), 140, 24)
		path := filepath.Join(t.TempDir(), "b")
		s.keys("half a message", "ctrl+c", "/export "+path, "enter")
		s.want("Passphrase for the backup", "take several random words")
		s.keys("enter")
		s.want("a backup needs a passphrase")
		s.keys("four words", "enter")
		s.want("The same passphrase again")
		s.keys("four word", "enter")
		s.want("the two were not the same", "Passphrase for the backup")
		s.keys("four words")
		s.want("> **********")
		s.wantNot("four")
		s.keys("enter", "four words", "enter")
		s.want("is made: keep it apart")
		if want := "export " + path + " four words"; !slices.Contains(s.fake.calls, want) {
			t.Errorf("no %q among %q", want, s.fake.calls)
		}

		// A file may hold it, and nothing is overwritten.
		if err := os.WriteFile(path, []byte("of a file\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		s.keys("/export "+path, "enter")
		s.want("is there already")
		s.keys("/export "+path+"2 "+path, "enter")
		s.want("is made")
		if last := s.fake.calls[len(s.fake.calls)-1]; !strings.HasSuffix(last, "2 of a file") {
			t.Errorf("it called %q", last)
		}
		s.keys("/export", "enter")
		s.want("/export cannot be read")
	})
}
