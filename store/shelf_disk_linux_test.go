package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func init() { children["full shelf"] = fillShelf }

// A full disk is said to be full. What was confirmed is there, and can be read
// and removed; once there is room everything goes on.
func TestShelfDiskFull(t *testing.T) {
	for _, line := range inNamespace(t, "full shelf") {
		t.Log(line)
	}
}

func fillShelf(dir string) error {
	if err := mount("tmpfs", dir, "tmpfs", 0, "size=4m"); err != nil {
		fmt.Println(err)
		return nil
	}
	home := filepath.Join(dir, "home")
	p, err := openShelfChild(home)
	if err != nil {
		return err
	}
	node, err := p.NodeKey(nil)
	if err != nil {
		return err
	}
	n := 0
	put := func() error {
		err := p.Put([]Held{heldBy(0, n+1)}, nil)
		if err == nil {
			n++
		}
		return err
	}
	for err == nil {
		err = put()
	}
	if !errors.Is(err, ErrDisk) || hint(err) == "" {
		return fmt.Errorf("a full disk: %w", err)
	}
	fmt.Printf("%d packages, then: %v\n", n, err)
	for range 20 { // trying again harms nothing
		if err := put(); err != nil && !errors.Is(err, ErrDisk) {
			return fmt.Errorf("a full disk, again: %w", err)
		}
	}
	check := func() error {
		got := 0
		for i := range n {
			some, err := p.Find([][8]byte{hintOf(heldBy(0, i+1))})
			if err != nil {
				return err
			}
			got += len(some)
		}
		total, _, err := p.Usage()
		if got != n || total != int64(n)*MaxHeld || err != nil {
			return fmt.Errorf("%d packages of %d bytes, %w, %d were confirmed", got, total, err, n)
		}
		return nil
	}
	if err := check(); err != nil {
		return err
	}
	ballast := filepath.Join(dir, "ballast")
	if err := fill(ballast); err != nil {
		return err
	}

	// Not a byte is left. A first start has nothing to begin with, and a full
	// disk is never taken for damage.
	second := filepath.Join(dir, "second")
	if _, err := openShelfChild(second); !errors.Is(err, ErrDisk) {
		return fmt.Errorf("first start on a full disk: %w", err)
	}
	removed, err := p.Expire(heldBy(0, 10).Until)
	if removed == 0 && !errors.Is(err, ErrDisk) {
		return fmt.Errorf("remove on a full disk: %w", err)
	}
	for i := range removed {
		if err := p.Put([]Held{heldBy(0, i+1)}, nil); err != nil {
			return fmt.Errorf("put in the place of what was removed: %w", err)
		}
	}
	if err := check(); err != nil {
		return err
	}
	profile := p.profile
	if err := p.Close(); err != nil && !errors.Is(err, ErrDisk) {
		return fmt.Errorf("close on a full disk: %w", err)
	}
	if err := profile.Close(); err != nil {
		return err
	}
	if p, err = openShelfChild(home); err == nil {
		profile = p.profile
		err = errors.Join(check(), p.Close(), profile.Close())
	}
	if err != nil && !errors.Is(err, ErrDisk) {
		return fmt.Errorf("open on a full disk: %w", err)
	}
	fmt.Printf("removed %d, opened again: %v\n", removed, err)

	if err := errors.Join(os.Remove(ballast), syscall.Mount("", dir, "", syscall.MS_REMOUNT, "size=16m")); err != nil {
		return err
	}
	if p, err = openShelfChild(home); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(home, heldName+damagedSuffix)); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("it was taken for damaged: %w", err)
	}
	if err := check(); err != nil {
		return err
	}
	for range 100 {
		if err := put(); err != nil {
			return fmt.Errorf("with room again: %w", err)
		}
	}
	if again, err := p.NodeKey(nil); err != nil || again.ID() != node.ID() {
		return fmt.Errorf("another node: %w", err)
	}
	return errors.Join(check(), p.db.quickCheck(), p.Close())
}
