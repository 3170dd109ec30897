package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// childEnv names what this test binary does as a child of itself.
const childEnv = "DIONE_STORE_CHILD"

// soakEnv asks for the long runs of the tests that can never have run enough.
const soakEnv = "DIONE_SOAK"

func TestMain(m *testing.M) {
	role, ok := children[os.Getenv(childEnv)]
	if !ok {
		os.Exit(m.Run())
	}
	if err := role(os.Args[1]); err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
}

// rounds is few, fewer with -short, or many in a soak.
func rounds(few, many int) int {
	switch {
	case os.Getenv(soakEnv) != "":
		return many
	case testing.Short():
		return few/4 + 1
	}
	return few
}

// children are what a child can do, with a profile directory.
var children = map[string]func(dir string) error{
	"hold":       hold,
	"passphrase": changePassphrases,
	"write":      writeForever,
	"open":       openOnce,
	"export":     exportOnce,
	"import":     importOnce,
	"seal":       sealForever,
	"take":       takeForever,
}

func openChild(dir string) (*Profile, *Store, error) {
	p, err := OpenProfile(dir)
	if err != nil {
		return nil, nil, err
	}
	key, err := p.Unlock(nil)
	if err != nil {
		return nil, nil, err
	}
	s, err := Open(context.Background(), p, key, nil)
	return p, s, err
}

// hold has the profile until it is killed.
func hold(dir string) error {
	if _, _, err := openChild(dir); err != nil {
		return err
	}
	fmt.Println("holding")
	select {}
}

// changePassphrases sets and drops one until it is killed.
func changePassphrases(dir string) error {
	p, err := OpenProfile(dir)
	if err != nil {
		return err
	}
	key, err := p.Unlock([]byte("p"))
	if err != nil {
		return err
	}
	fmt.Println("changing")
	for {
		if err := errors.Join(p.SetPassphrase(key, []byte("p")), p.SetPassphrase(key, nil)); err != nil {
			return err
		}
	}
}

// child is a process of this test binary.
type child struct {
	t     testing.TB
	cmd   *exec.Cmd
	lines *bufio.Scanner
}

func startChild(t testing.TB, role, dir string) *child {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, dir)
	cmd.Env = append(os.Environ(), childEnv+"="+role)
	return runChild(t, cmd)
}

func runChild(t testing.TB, cmd *exec.Cmd) *child {
	t.Helper()
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &child{t: t, cmd: cmd, lines: bufio.NewScanner(out)}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }) // if the test ended early
	return c
}

// next returns the child's next line, "" at its end.
func (c *child) next() string {
	if !c.lines.Scan() {
		return ""
	}
	return c.lines.Text()
}

func (c *child) expect(line string) {
	c.t.Helper()
	if got := c.next(); got != line {
		c.t.Fatalf("the child says %q, want %q", got, line)
	}
}

// kill ends the child with kill -9, and returns what it still had said.
func (c *child) kill() (said []string) {
	c.t.Helper()
	if err := c.cmd.Process.Kill(); err != nil {
		c.t.Fatal(err)
	}
	for c.lines.Scan() {
		said = append(said, c.lines.Text())
	}
	_ = c.cmd.Wait() // says that it was killed
	return said
}

// wait ends with the child, whose every line must be a report and not an
// error.
func (c *child) wait() (said []string) {
	c.t.Helper()
	for c.lines.Scan() {
		said = append(said, c.lines.Text())
	}
	if err := c.cmd.Wait(); err != nil {
		c.t.Errorf("the child: %v: %s", err, strings.Join(said, "; "))
	}
	return said
}

// atoi reads a child's count.
func atoi(t testing.TB, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatalf("the child says %q", s)
	}
	return n
}
