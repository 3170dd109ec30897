package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"dione/crypto/vault"
)

func init() {
	children["full"] = fillDisk
	children["read only"] = readOnlyHome
}

// inNamespace runs a child that may mount what only it sees.
func inNamespace(t *testing.T, role string) (said []string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, t.TempDir())
	cmd.Env = append(os.Environ(), childEnv+"="+role)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	said = strings.Split(strings.TrimSpace(string(out)), "\n")
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) || strings.HasPrefix(said[0], "mount:") {
		if os.Getenv("DIONE_REQUIRE_ALL") != "" {
			t.Fatalf("cannot mount here: %v: %s", err, out)
		}
		t.Skipf("cannot mount here: %v: %s", err, out)
	}
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return said
}

// mount is syscall.Mount within this process' namespace.
func mount(source, target, kind string, flags uintptr, options string) error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("mount: private: %w", err)
	}
	if err := syscall.Mount(source, target, kind, flags, options); err != nil {
		return fmt.Errorf("mount: %w", err)
	}
	return nil
}

// A full disk is said to be full; what was confirmed is there, what is here can
// be read, and once there is room everything goes on.
func TestDiskFull(t *testing.T) {
	for _, line := range inNamespace(t, "full") {
		t.Log(line)
	}
}

func fillDisk(dir string) error {
	if err := mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		fmt.Println(err)
		return nil
	}
	home := filepath.Join(dir, "home")
	_, s, err := openChild(home)
	if err != nil {
		return err
	}
	ctx := context.Background()
	in := Chat{Peer: bob}
	n := 0
	write := func(size int) error {
		m := mine(in, strconv.Itoa(n+1)+" "+strings.Repeat("x", size))
		err := s.Update(ctx, func(tx *Tx) error {
			_, err := tx.AddMessage(&m)
			return err
		})
		if err == nil {
			n++
		}
		return err
	}
	for err == nil {
		err = write(2000)
	}
	if !errors.Is(err, ErrDisk) || hint(err) == "" {
		return fmt.Errorf("a full disk: %w", err)
	}
	fmt.Printf("%d messages, then: %v\n", n, err)
	for range 20 { // trying again harms nothing
		if err := write(10_000); !errors.Is(err, ErrDisk) {
			return fmt.Errorf("a full disk, again: %w", err)
		}
	}
	if err := verifyNumbers(ctx, s, n); err != nil {
		return err
	}

	// A change of the passphrase leaves the key file as it is.
	ballast := filepath.Join(dir, "ballast")
	if err := fill(ballast); err != nil {
		return err
	}
	if err := s.profile.SetPassphrase(*s.profile.key, []byte("p")); !errors.Is(err, ErrDisk) {
		return fmt.Errorf("passphrase on a full disk: %w", err)
	}
	b, err := os.ReadFile(filepath.Join(home, keyName))
	if err != nil {
		return err
	}
	if file, err := vault.Decode(b); err != nil || file.NeedsPassphrase() {
		return fmt.Errorf("the key file changed: %w", err)
	}

	// A first start has nothing to begin with.
	if _, _, err := openChild(filepath.Join(dir, "second")); !errors.Is(err, ErrDisk) {
		return fmt.Errorf("first start on a full disk: %w", err)
	}

	if err := errors.Join(os.Remove(ballast), syscall.Mount("", dir, "", syscall.MS_REMOUNT, "size=8m")); err != nil {
		return err
	}
	for range 100 {
		if err := write(2000); err != nil {
			return fmt.Errorf("with room again: %w", err)
		}
	}
	p := s.profile
	if err := errors.Join(verifyNumbers(ctx, s, n), s.db.quickCheck(), s.Close(), p.Close()); err != nil {
		return err
	}
	if _, s, err = openChild(home); err != nil {
		return err
	}
	return errors.Join(verifyNumbers(ctx, s, n), s.Close())
}

// fill takes what is left of a disk.
func fill(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	block := make([]byte, 512)
	for err == nil {
		_, err = f.Write(block)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		return err
	}
	return f.Close()
}

func verifyNumbers(ctx context.Context, s *Store, n int) error {
	return s.View(ctx, func(tx *Tx) error {
		all, err := tx.History(Chat{Peer: bob}, Cursor{}, 1<<20)
		if err != nil {
			return err
		}
		if len(all) != n {
			return fmt.Errorf("%d messages, %d were confirmed", len(all), n)
		}
		for i, m := range all {
			if !strings.HasPrefix(m.Text, strconv.Itoa(i+1)+" ") {
				return fmt.Errorf("message %d is %.10q", i+1, m.Text)
			}
		}
		return nil
	})
}

// A home that cannot be written is said to be so, at once and with the next
// step.
func TestReadOnlyHome(t *testing.T) {
	for _, line := range inNamespace(t, "read only") {
		if !strings.Contains(line, "read-only file system; hint: "+homeHint) {
			t.Errorf("the error is %q", line)
		}
	}
}

func readOnlyHome(dir string) error {
	old := filepath.Join(dir, "old")
	p, s, err := openChild(old)
	if err != nil {
		return err
	}
	if err := errors.Join(s.Close(), p.Close()); err != nil {
		return err
	}
	if err := mount(dir, dir, "", syscall.MS_BIND, ""); err != nil {
		fmt.Println(err)
		return nil
	}
	if err := syscall.Mount("", dir, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		fmt.Println("mount:", err)
		return nil
	}
	for _, home := range []string{old, filepath.Join(dir, "new")} {
		start := time.Now()
		_, err := OpenProfile(home)
		if err == nil || time.Since(start) > time.Second {
			return fmt.Errorf("OpenProfile = %w after %v", err, time.Since(start))
		}
		fmt.Printf("%v; hint: %s\n", err, hint(err))
	}
	return nil
}
