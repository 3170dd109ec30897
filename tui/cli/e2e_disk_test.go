package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dione/net/sim/netns"
)

// fullDisk fills bob's disk: what ann writes meanwhile waits, what bob writes
// fails in words, and both go on when there is room again.
func fullDisk(t *testing.T, bin string) {
	lab := netns.New(t, 2)
	ann := newHome(t, bin, lab.Host(0), "ann").start()
	bobHome := newHome(t, bin, lab.Host(1), "bob")
	mountSmall(t, filepath.Dir(bobHome.dir))
	if err := os.Mkdir(filepath.Join(filepath.Dir(bobHome.dir), "run"), 0o700); err != nil {
		t.Fatal(err)
	}
	bob := bobHome.start()
	ann.awaitNear("bob")
	bob.awaitNear("ann")
	ann.say("/msg bob before")
	bob.awaitText("before")

	filler := filepath.Join(filepath.Dir(bobHome.dir), "filler")
	fill(t, filler)
	full := func(l line) bool { return l.Kind == "error" && strings.Contains(l.Text, "disk full") }
	n := bob.mark()
	for range 40 { // what is left inside the database's own files takes some
		bob.say("/msg ann " + strings.Repeat("x", 16000))
	}
	bob.awaitFrom(n, "a full disk in words", full)
	ann.say("/msg bob while the disk was full")
	id := ann.await("sent", func(l line) bool { return l.Kind == "sent" && l.Text == "while the disk was full" }).ID

	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	bob.awaitText("while the disk was full")
	ann.await("delivered", func(l line) bool { return l.Kind == "state" && l.ID == id && l.State == "delivered" })
	bob.say("/msg ann and after")
	ann.awaitText("and after")
	bob.quit()
	ann.quit()
}

// mountSmall puts a small disk at dir.
func mountSmall(t *testing.T, dir string) {
	t.Helper()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=6m,mode=0700", "tmpfs", dir).CombinedOutput(); err != nil {
		if os.Getenv(netns.Require) != "" {
			t.Fatalf("a small disk is required here: %v: %s", err, out)
		}
		t.Skipf("no small disk: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", "-l", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
}

// fill writes a file until the disk is full.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	block := make([]byte, 4096)
	for err == nil {
		_, err = f.Write(block)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// badHomes opens profiles that cannot work: each says why and what to do, ends
// with the code that fits, and leaves the files as they are.
func badHomes(t *testing.T, bin string) {
	damaged := func(t *testing.T, h *home) {
		if out, err := h.command("id").CombinedOutput(); err != nil {
			t.Fatalf("make a profile: %v: %s", err, out)
		}
		db := filepath.Join(h.dir, "dione.db")
		b, err := os.ReadFile(db)
		if err != nil {
			t.Fatal(err)
		}
		for i := range b {
			b[i] ^= 0x55
		}
		if err := os.WriteFile(db, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name  string
		spoil func(*testing.T, *home)
		code  int
	}{
		{"damaged database", damaged, 1},
		{"damaged key", func(t *testing.T, h *home) {
			if err := os.MkdirAll(h.dir, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(h.dir, "profile.key"), []byte("rubbish"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, 1},
		{"a file in its place", func(t *testing.T, h *home) {
			if err := os.WriteFile(h.dir, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}, 1},
		{"unknown setting", func(t *testing.T, h *home) {
			if err := os.MkdirAll(h.dir, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(h.dir, "config.toml"), []byte("nmae = 'ann'\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, 2},
	} {
		h := newHome(t, bin, nil, "ann")
		tt.spoil(t, h)
		cmd := h.command("--plain", "--lan=false", "--listen", "/ip4/127.0.0.1/tcp/0")
		out, err := cmd.CombinedOutput()
		if err == nil || cmd.ProcessState.ExitCode() != tt.code || !strings.Contains(string(out), "dione: ") {
			t.Errorf("%s: %v, exit code %d, want %d: %s", tt.name, err, cmd.ProcessState.ExitCode(), tt.code, out)
		}
	}
}
