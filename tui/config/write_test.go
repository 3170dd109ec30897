package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// TestEdit changes one thing, and nothing else: no comment, no order, no blank.
func TestEdit(t *testing.T) {
	for _, tt := range []struct{ name, file, setting, value, want string }{
		{"nothing there", "", "theme", "dark", "[theme]\nname = \"dark\"\n"},
		{"nothing there, on top", "", "mouse", "true", "mouse = true\n"},
		{"value", "# mine\nname = \"ann\"  # me\nmouse   =   false # no\n", "mouse", "true", "# mine\nname = \"ann\"  # me\nmouse   =   true # no\n"},
		{"single quotes", "notices = 'bell' # ding\n", "notices", "osc9", "notices = 'osc9' # ding\n"},
		{"a name that needs others", "name = 'ann'\n", "name", `o'"hara\`, "name = \"o'\\\"hara\\\\\"\n"},
		{"long string", "name = \"\"\"\nann\"\"\"\nlan = true\n", "name", "bob", "name = \"bob\"\nlan = true\n"},
		{"no end of line", "lan = true", "mouse", "true", "lan = true\nmouse = true\n"},
		{"no end of line, table", "lan = true", "theme", "dark", "lan = true\n\n[theme]\nname = \"dark\"\n"},
		{"before tables", "lan = true # yes\n\n# the part\n[dht]\nmode = 'off'\n", "mouse", "true", "lan = true # yes\nmouse = true\n\n# the part\n[dht]\nmode = 'off'\n"},
		{"only a table", "# about dht\n[dht]\nmode = 'off'\n", "mouse", "true", "mouse = true\n\n# about dht\n[dht]\nmode = 'off'\n"},
		{"head of the file, then a table", "# dione\n\n# about dht\n[dht]\n", "mouse", "true", "# dione\n\nmouse = true\n\n# about dht\n[dht]\n"},
		{"only comments", "# dione\n#mouse = true\n", "mouse", "true", "# dione\n#mouse = true\nmouse = true\n"},
		{"behind a list", "listen = [ # two\n  '/ip4/0.0.0.0/tcp/1',\n]\n[theme]\n", "mouse", "true", "listen = [ # two\n  '/ip4/0.0.0.0/tcp/1',\n]\nmouse = true\n[theme]\n"},
		{"in the table", "  [ theme ] # colours\n  # loud\n  accent = 1\n[dht]\n", "theme", "light", "  [ theme ] # colours\nname = \"light\"\n  # loud\n  accent = 1\n[dht]\n"},
		{"in the last table", "[theme]", "theme", "light", "[theme]\nname = \"light\"\n"},
		{"value in the table", "[dht]\nmode = 'off'\n[theme]\naccent = 1\n\"name\"='dark'#x\n", "theme", "light", "[dht]\nmode = 'off'\n[theme]\naccent = 1\n\"name\"='light'#x\n"},
		{"new table", "[dht]\nmode = 'off'\n", "theme", "light", "[dht]\nmode = 'off'\n\n[theme]\nname = \"light\"\n"},
		{"in braces", "theme = { name = 'dark', accent = 1 } # x\n", "theme", "light", "theme = { name = 'light', accent = 1 } # x\n"},
		{"new in braces", "theme = {accent = 1}\n", "theme", "light", "theme = { name = \"light\",accent = 1}\n"},
		{"new in empty braces", "theme = { }\n", "theme", "light", "theme = { name = \"light\"  }\n"},
		{"dotted", "theme.accent = 1\n[dht]\n", "theme", "light", "theme.accent = 1\ntheme.name = \"light\"\n[dht]\n"},
		{"other ends of lines", "lan = true\r\n[dht]\r\n", "mouse", "true", "lan = true\r\nmouse = true\r\n[dht]\r\n"},
		{"other ends of lines, table", "[theme]\r\naccent = 1\r\n", "theme", "light", "[theme]\r\nname = \"light\"\r\naccent = 1\r\n"},
	} {
		for _, s := range settings {
			if s.name != tt.setting {
				continue
			}
			got, err := changed([]byte(tt.file), s, tt.value)
			if err != nil || string(got) != tt.want {
				t.Errorf("%s: %q, %v; want %q", tt.name, got, err, tt.want)
			}
		}
	}
}

// fileOf loads a profile directory's configuration and returns its file.
func fileOf(t *testing.T, home string) *File {
	t.Helper()
	f := pflag.NewFlagSet("dione", pflag.ContinueOnError)
	AddFlags(f)
	if err := f.Parse([]string{"--home", home, "--notices", "off"}); err != nil {
		t.Fatal(err)
	}
	c, err := Load(f, func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	return c.File()
}

func wantFile(t *testing.T, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want {
		t.Errorf("%s holds %q, %v; want %q", path, got, err, want)
	}
}

func TestSet(t *testing.T) {
	home := t.TempDir()
	path := filepath.Join(home, FileName)
	f := fileOf(t, home)
	if f.Overridden("notices") != "--notices" || f.Overridden("theme") != "" || f.Origin("theme") != "" {
		t.Errorf("notices are said by %q, the theme by %q", f.Origin("notices"), f.Origin("theme"))
	}
	for _, set := range [][2]string{{"mouse", "true"}, {"theme", "light"}, {"mouse", "false"}} {
		if err := f.Set(set[0], set[1]); err != nil {
			t.Fatal(err)
		}
	}
	wantFile(t, path, "mouse = false\n\n[theme]\nname = \"light\"\n")
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("a new file is %v, %v", info.Mode(), err)
	}
	for _, bad := range [][2]string{{"theme\n", "x"}, {"plain", "true"}, {"mouse", "maybe"}} {
		if err := f.Set(bad[0], bad[1]); err == nil {
			t.Errorf("%q was set to %q", bad[0], bad[1])
		}
	}
	if err := f.Undo(); err != nil { // of the mouse that failed
		t.Fatal(err)
	}
	wantFile(t, path, "mouse = false\n\n[theme]\nname = \"light\"\n")
	for range 3 {
		if err := f.Undo(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file is still there: %v", err)
	}
	if err := f.Undo(); err != nil {
		t.Errorf("nothing to undo: %v", err)
	}
	if left, err := os.ReadDir(home); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestSetKeeps writes through a link, and keeps the mode.
func TestSetKeeps(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes and links are others there")
	}
	home, dots := t.TempDir(), t.TempDir()
	real, path := filepath.Join(dots, "dione.toml"), filepath.Join(home, FileName)
	if err := errors.Join(os.WriteFile(real, []byte("# mine\n"), 0o640), os.Chmod(real, 0o640), os.Symlink(real, path)); err != nil {
		t.Fatal(err)
	}
	f := fileOf(t, home)
	if err := f.Set("mouse", "true"); err != nil {
		t.Fatal(err)
	}
	wantFile(t, real, "# mine\nmouse = true\n")
	link, err := os.Lstat(path)
	info, err2 := os.Stat(real)
	if err != nil || err2 != nil || link.Mode()&fs.ModeSymlink == 0 || info.Mode().Perm() != 0o640 {
		t.Errorf("link %v, file %v, %v, %v", link.Mode(), info.Mode(), err, err2)
	}
	if err := errors.Join(os.Remove(real), os.Symlink("/nowhere/at/all", real)); err != nil {
		t.Fatal(err)
	}
	if err := f.Set("mouse", "false"); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("through a broken link: %v", err)
	}
}

// TestSetRefuses never overwrites what somebody else wrote, or protects.
func TestSetRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, before, after string
		mode                fs.FileMode
		want                string
	}{
		{"changed", "mouse = true\n", "mouse = true\n# by hand\n", 0o600, "was changed since dione read it"},
		{"broken meanwhile", "mouse = true\n", "mouse = \n", 0o600, "was changed since dione read it"},
		{"new", "", "mouse = true\n", 0o600, "was changed since dione read it"},
		{"protected", "mouse = true\n", "mouse = true\n", 0o400, "may not be written"},
	} {
		home := t.TempDir()
		path := filepath.Join(home, FileName)
		if tt.before != "" {
			if err := os.WriteFile(path, []byte(tt.before), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		f := fileOf(t, home)
		if err := errors.Join(os.WriteFile(path, []byte(tt.after), 0o600), os.Chmod(path, tt.mode)); err != nil {
			t.Fatal(err)
		}
		if err := f.Set("mouse", "false"); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
		if err := f.Undo(); err != nil {
			t.Errorf("%s: undo: %v", tt.name, err)
		}
		wantFile(t, path, tt.after)
	}
	f := fileOf(t, t.TempDir())
	if err := os.Mkdir(f.Path(), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := f.Set("mouse", "true"); err == nil {
		t.Error("a directory was written")
	}
}

// FuzzEdit checks that a change of any file that can be read is read back, and
// leaves the other settings.
func FuzzEdit(f *testing.F) {
	for _, s := range []string{"", "lan = true", "[theme]\naccent = 1\n", "theme = {}\n", "theme.line = 3 # x\r\n[dht]\r\n", "name = '''a\nb'''\n[ 'theme' ] \n"} {
		f.Add(s, "dark")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		if _, err := decode(FileName, []byte(text)); err != nil {
			return
		}
		for _, s := range settings {
			if s.name != "theme" && s.name != "name" {
				continue
			}
			got, err := changed([]byte(text), s, value)
			if err != nil {
				continue
			}
			now, err := decode(FileName, got)
			if err != nil {
				t.Fatalf("%q became %q: %v", text, got, err)
			}
			was, _ := decode(FileName, []byte(text))
			delete(was.values, s.name)
			delete(now.values, s.name)
			if len(was.values) != len(now.values) || len(was.colours) != len(now.colours) {
				t.Errorf("%q became %q: other settings changed", text, got)
			}
		}
	})
}
