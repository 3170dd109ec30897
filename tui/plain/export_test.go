package plain

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
)

func TestExport(t *testing.T) {
	dir := t.TempDir()
	pass, backup := filepath.Join(dir, "pass"), filepath.Join(dir, "backup")
	if err := os.WriteFile(pass, []byte("words\nmore\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out string
	synctest.Test(t, func(t *testing.T) {
		r := begin(t, newFake(), Options{})
		out = r.types("/export "+backup, "/export "+backup+" "+pass, "/export "+backup+" "+pass+"2")
		r.end()
	})
	for _, want := range []string{
		"error a backup needs a passphrase — hint: write it into a file that only you can read: /export FILE PASSPHRASE-FILE",
		"info the backup " + backup + " opens with its passphrase only",
		" error ",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if got, err := os.ReadFile(backup); err != nil || string(got) != "words" {
		t.Errorf("the backup: %q, %v", got, err)
	}
}
