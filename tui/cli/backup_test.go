package cli_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

const (
	exported = "The backup %s opens with its passphrase only, which cannot be recovered. Keep it apart from this device.\n"
	noPass   = "The profile opens without a passphrase: dione passphrase sets one.\n"
)

// says wants a command to succeed and to say something in which words occur.
func (r result) says(words ...string) {
	r.t.Helper()
	r.ok("")
	for _, w := range words {
		if !strings.Contains(r.stderr, w) {
			r.t.Errorf("%s said %q, want %q in it", r.what, r.stderr, w)
		}
	}
}

// files lists what lies in a directory and below.
func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestBackup(t *testing.T) {
	s := newScript(t)
	s.write(s.path("pass"), "correct horse\nsecond line\n")
	s.write(s.path("wrong"), "correct horsf\n")
	s.write(s.path("empty"), "\n")
	s.write(s.path("new"), "of the profile\n")
	with := func(args ...string) []string { return append(args, "--backup-passphrase-file", "pass") }

	s.run(with("export", "backup")...).fails(1, `there is no profile in .*data/dione`, "name another directory with --home")
	if _, err := os.Stat(s.path("data")); err == nil {
		t.Error("export made a profile")
	}
	id := s.run("id", "--name", "ann").out
	s.feed("hello\n", alone...).ok(`(?s).* sent .* #lan hello\n.*`)
	history := s.run("history", "#lan").out

	for _, tt := range []struct {
		args         []string
		code         int
		failed, hint string
	}{
		{[]string{"export"}, 2, `export needs the name of one file`, helpHint},
		{[]string{"export", "a", "b"}, 2, `export needs the name of one file`, helpHint},
		{[]string{"import", " "}, 2, `import needs the name of one file`, helpHint},
		{[]string{"export", "backup"}, 1, `there is no terminal to ask for the passphrase of the backup`, "write it .*--backup-passphrase-file FILE"},
		{with("export", "pass"), 1, `make the backup: pass is there already`, "name another file; nothing is ever overwritten"},
		{with("export", "gone/backup"), 1, `make the backup: .*`, "name a new file in a directory in which you can write"},
		{[]string{"export", "backup", "--backup-passphrase-file", "empty"}, 1, `a backup needs a passphrase: .*`, "take several random words"},
		{[]string{"export", "backup", "--backup-passphrase-file", "gone"}, 1, `read the passphrase: .*`, "name a file that you can read"},
		{with("import", "backup"), 1, `there is a profile already`, "restore into another directory with --home, .*"},
		{with("export", "backup", "--home", "pass"), 1, `look for a profile: .*`, "choose a directory of your own with --home"},
	} {
		s.run(tt.args...).fails(tt.code, tt.failed, tt.hint)
	}
	if got := files(t, s.dir); strings.Contains(strings.Join(got, " "), "backup") {
		t.Errorf("a failed export left %q", got)
	}

	s.run(with("export", "backup")...).says(strings.Replace(exported, "%s", "backup", 1))
	if info, err := os.Stat(s.path("backup")); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("the backup: %v, %v", info.Mode(), err)
	}
	good, err := os.ReadFile(s.path("backup"))
	if err != nil {
		t.Fatal(err)
	}
	s.run(with("export", "backup")...).fails(1, `make the backup: backup is there already`, "name another file; .*")

	s.write(s.path("half"), string(good[:len(good)/2]))
	s.write(s.path("changed"), string(good[:len(good)-1])+"x")
	s.write(s.path("later"), "dione backup 2\n"+string(good[15:]))
	for _, tt := range []struct {
		args         []string
		failed, hint string
	}{
		{[]string{"import", "backup"}, `there is no terminal to ask for the passphrase of the backup`, "write it .*"},
		{[]string{"import", "backup", "--backup-passphrase-file", "wrong"}, `open the backup: wrong passphrase`, "try it again, .*"},
		{[]string{"import", "backup", "--backup-passphrase-file", "empty"}, `open the backup: wrong passphrase`, "try it again, .*"},
		{with("import", "gone"), `open the backup: .*`, "name a file that dione export has made"},
		{with("import", "."), `open the backup .*`, ""},
		{with("import", "pass"), `open the backup pass: not a backup of dione`, "name a file that dione export has made"},
		{with("import", "later"), `open the backup later: a backup of another version`, "install the newer dione that made it"},
		{with("import", "half"), `check the backup: the backup is damaged or not whole.*`, "copy it again .*; nothing was restored"},
		{with("import", "changed"), `check the backup: the backup is damaged or not whole`, "copy it again .*"},
	} {
		s.run(append(tt.args, "--home", "restored")...).fails(1, tt.failed, tt.hint)
	}
	if _, err := os.Stat(s.path("restored")); err == nil {
		t.Error("a failed import made a profile")
	}

	tag := strings.Fields(id)[1]
	s.run(with("import", "backup", "--home", "restored")...).says("you are "+tag+", with 0 people and 1 message.\n", "Sessions are set up anew", noPass)
	if got := s.run("id", "--home", "restored").out; got != id {
		t.Errorf("restored as %q, want %q", got, id)
	}
	if got := s.run("history", "#lan", "--home", "restored").out; got != history {
		t.Errorf("restored %q, want %q", got, history)
	}
	s.run(with("import", "backup", "--home", "restored")...).fails(1, `there is a profile already`, ".*")

	// The new profile gets the passphrase that it is started with, and the
	// backup of one that has a passphrase needs both.
	r := s.run(with("import", "backup", "--home", "locked", "--passphrase-file", "new")...)
	if r.says("you are " + tag); strings.Contains(r.stderr, noPass) {
		t.Errorf("%s said %q", r.what, r.stderr)
	}
	s.run(with("export", "again", "--home", "locked")...).fails(1, "the profile has a passphrase, .*", "write it .*")
	s.run(with("export", "again", "--home", "locked", "--passphrase-file", "wrong")...).fails(1, "unlock profile: .*", "try it again.*")
	s.run(with("export", "again", "--home", "locked", "--passphrase-file", "new")...).says("again")
	s.run(with("import", "again", "--home", "third")...).says("you are " + tag)

	// The user is told once, by the chat and not by what only reads.
	const told = `(?s).* info this profile is that of a backup of .* — hint: .*\n.*`
	s.feed("x\n", append(alone, "--home", "third")...).ok(told)
	if again := s.feed("x\n", append(alone, "--home", "third")...); strings.Contains(again.out, "of a backup") {
		t.Errorf("it is told again: %s", again.out)
	}
}
