package lan

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// files opens the files of a process in dir until the test ends.
func files(t *testing.T, dir string, n uint64, network byte) *sameHost {
	t.Helper()
	s := newSameHost(Config{Instance: peer(n).Instance, Network: [32]byte{network}, Port: uint16(4000 + n), RuntimeDir: dir}.complete())
	if p := s.problem(); p != "" {
		t.Fatal(p)
	}
	t.Cleanup(s.close)
	return s
}

func TestSameHost(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dione")
	ann, bob := files(t, dir, 1, 7), files(t, dir, 2, 7)
	files(t, dir, 3, 8) // of another network
	stranger := files(t, dir, 4, 7)
	rewrite(t, stranger.path(), encodeFile([32]byte{7}, "another host", 4004))

	got := ann.read([]iface{wire(1, "10.0.0.1")})
	if len(got) != 1 || got[0].Instance != bob.cfg.Instance {
		t.Fatalf("ann reads %v, want bob alone", got)
	}
	if want := peer(2, "127.0.0.1:4002", "[::1]:4002", "10.0.0.1:4002"); len(got[0].Addrs) != 3 || got[0].Addrs[0] != want.Addrs[0] || got[0].Addrs[2] != want.Addrs[2] {
		t.Errorf("bob may listen at %v, want %v", got[0].Addrs, want.Addrs)
	}
	bob.close()
	if got := ann.read(nil); len(got) != 0 {
		t.Errorf("ann reads %v after bob left", got)
	}
	if left := must(names(dir)); len(left) != 3 {
		t.Errorf("files left: %v, want those of the three that live", left)
	}
}

func rewrite(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestStaleFilesAreRemoved(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dione")
	ann := files(t, dir, 1, 7)
	old := time.Now().Add(-time.Hour)
	for _, tt := range []struct {
		name, file, content string
		age                 time.Time
		stays               bool
	}{
		{"of a killed process", "00000000000000aa", encodeFile([32]byte{7}, ann.host, 4000), time.Now(), false},
		{"of another network's", "00000000000000ab", encodeFile([32]byte{8}, "elsewhere", 4000), time.Now(), false},
		{"about to be written", "00000000000000ac", "", time.Now(), true},
		{"never written", "00000000000000ad", "dione 1\n", old, false},
		{"somebody else's", "notes.txt", "keep me", old, true},
		{"almost an instance", "00000000000000AE", "keep me", old, true},
	} {
		path := filepath.Join(dir, tt.file)
		rewrite(t, path, tt.content)
		if err := os.Chtimes(path, tt.age, tt.age); err != nil {
			t.Fatal(err)
		}
		if got := ann.read(nil); len(got) != 0 {
			t.Errorf("%s: read as %v", tt.name, got)
		}
		if _, err := os.Stat(path); (err == nil) != tt.stays {
			t.Errorf("%s: stays = %v, want %v", tt.name, err == nil, tt.stays)
		}
	}
}

// TestFileIsMadeAnew empties the directory, as a log-out does.
func TestFileIsMadeAnew(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("nobody removes a file there that is in use")
	}
	dir := filepath.Join(t.TempDir(), "dione")
	ann, bob := files(t, dir, 1, 7), files(t, dir, 2, 7)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	ann.read(nil)
	if got := bob.read(nil); len(got) != 1 {
		t.Errorf("bob reads %v, want ann", got)
	}
	if got := ann.read(nil); len(got) != 1 {
		t.Errorf("ann reads %v, want bob", got)
	}
}

func TestOpenDirectoryIsRefused(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("directories have no mode there")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s := newSameHost(Config{Port: 4000, RuntimeDir: dir}.complete())
	defer s.close()
	if got := s.read(nil); got != nil {
		t.Errorf("read %v", got)
	}
	if p := s.problem(); !strings.Contains(p, "chmod 700 "+dir) {
		t.Errorf("the problem is %q", p)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if s.read(nil); s.problem() != "" {
		t.Errorf("closed to others, the problem is %q", s.problem())
	}
}

func TestRuntimeDir(t *testing.T) {
	ours := t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", ours)
	if got := RuntimeDir(); got != filepath.Join(ours, "dione") {
		t.Errorf("RuntimeDir() = %s, want it in %s", got, ours)
	}
	for name, dir := range map[string]string{"nothing": "", "a relative path": "run", "a device": "/dev/null"} {
		t.Setenv("XDG_RUNTIME_DIR", dir)
		if got := RuntimeDir(); !filepath.IsAbs(got) || strings.HasPrefix(got, "/dev") {
			t.Errorf("with %s, RuntimeDir() = %s", name, got)
		}
	}
}

// TestManyStartAtOnce has processes read while others make their files: no
// reader takes the lock that an owner is about to take.
func TestManyStartAtOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dione")
	var wg sync.WaitGroup
	all := make([]*sameHost, 32)
	for n := range all {
		wg.Go(func() {
			all[n] = newSameHost(Config{Instance: peer(uint64(n + 1)).Instance, Port: 4000, RuntimeDir: dir}.complete())
			all[n].read(nil)
		})
	}
	wg.Wait()
	for n, s := range all {
		if p := s.problem(); p != "" {
			t.Errorf("process %d: %s", n, p)
		}
		if got := s.read(nil); len(got) != len(all)-1 {
			t.Errorf("process %d reads %d others, want %d", n, len(got), len(all)-1)
		}
	}
	for _, s := range all {
		s.close()
	}
	if left := must(names(dir)); len(left) > 0 {
		t.Errorf("files left behind: %v", left)
	}
}

func FuzzFile(f *testing.F) {
	f.Add(encodeFile(main, "net:[4026531840]", 4000))
	f.Add("dione 1\n\n\n00\n")
	f.Fuzz(func(t *testing.T, content string) {
		network, host, port, whole := parseFile(content)
		if !whole {
			return
		}
		lines := strings.Split(content, "\n")
		if want := strings.Join([]string{"dione 1", network, host, lines[3], ""}, "\n"); want != content || port == 0 {
			t.Errorf("%q reads as %q, %q, %d", content, network, host, port)
		}
		if _, _, _, ok := parseFile(content[:len(content)-1]); ok {
			t.Errorf("a part of %q is taken for the whole", content)
		}
	})
}
