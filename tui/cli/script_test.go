package cli_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts runs the command line as its users do: each file of
// testdata/script is a machine of its own, where what is typed stands beside
// what comes of it. Nobody else is reached from it.
//
// Besides what package testscript has, a script may say
//
//	exits CODE dione …    it ends with CODE, prints nothing, and stderr tells what failed
//	starts [FLAG]…        dione runs in the background until stops, or the end;
//	                      ADDR, PEER and TAG are its own
//	types LINE            to the dione in the background, which has committed it thereafter
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Vars = append(env.Vars,
				"HOME="+env.WorkDir,
				"XDG_DATA_HOME="+filepath.Join(env.WorkDir, "data"),
				"XDG_RUNTIME_DIR="+env.WorkDir,
				"LOCALAPPDATA="+filepath.Join(env.WorkDir, "data"),
				"DIONE_NETWORK="+mailNetwork, // to join main would cost seconds
				"DIONE_LAN=false",
				"DIONE_LISTEN=/ip4/127.0.0.1/tcp/0",
			)
			env.Values[runningKey{}] = new(background)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":  exits,
			"starts": starts,
			"types":  types,
			"stops":  stops,
		},
		RequireUniqueNames: true,
	})
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND…")
	}
	code := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
	if out := ts.ReadFile("stdout"); out != "" {
		ts.Fatalf("it printed %q", out)
	}
	if says := ts.ReadFile("stderr"); !strings.HasPrefix(says, "dione: ") {
		ts.Fatalf("what failed is told as %q", says)
	}
}

// runningKey is where a script has its background.
type runningKey struct{}

// background is the dione that a script has in the background, if any.
type background struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	lines *bufio.Reader
}

// await reads what it prints until a line of the kind.
func (b *background) await(ts *testscript.TestScript, kind string) (l line) {
	for l.Kind != kind {
		text, err := b.lines.ReadString('\n')
		ts.Check(err)
		ts.Check(json.Unmarshal([]byte(text), &l))
	}
	return l
}

func (b *background) stop() error {
	if b.cmd == nil {
		return nil
	}
	err := b.stdin.Close() // the end of the input ends it
	_, e := io.Copy(io.Discard, b.lines)
	err = errors.Join(err, e, b.cmd.Wait())
	b.cmd = nil
	return err
}

func starts(ts *testscript.TestScript, neg bool, args []string) {
	b := ts.Value(runningKey{}).(*background)
	if neg || b.cmd != nil {
		ts.Fatalf("one dione runs already")
	}
	bin, err := exec.LookPath("dione")
	ts.Check(err)
	cmd := exec.Command(bin, append([]string{"--plain", "--json"}, args...)...)
	for _, v := range []string{"PATH", "HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "LOCALAPPDATA", "DIONE_NETWORK", "DIONE_LAN", "DIONE_LISTEN", "DIONE_NAME"} {
		cmd.Env = append(cmd.Env, v+"="+ts.Getenv(v))
	}
	cmd.Dir, cmd.Stderr = ts.MkAbs("."), os.Stderr
	stdin, err := cmd.StdinPipe()
	ts.Check(err)
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	*b = background{cmd, stdin, bufio.NewReader(out)}
	ts.Defer(func() { _ = b.stop() }) // a script that cares says stops
	ready := b.await(ts, "ready")
	ts.Setenv("ADDR", strings.Join(ready.Addrs, " "))
	ts.Setenv("PEER", ready.Peer)
	ts.Setenv("TAG", ready.Tag)
}

func types(ts *testscript.TestScript, neg bool, args []string) {
	b := ts.Value(runningKey{}).(*background)
	if neg || b.cmd == nil {
		ts.Fatalf("no dione runs")
	}
	_, err := fmt.Fprintln(b.stdin, strings.Join(args, " "))
	ts.Check(err)
	b.await(ts, "sent")
}

func stops(ts *testscript.TestScript, neg bool, _ []string) {
	b := ts.Value(runningKey{}).(*background)
	if neg || b.cmd == nil {
		ts.Fatalf("no dione runs")
	}
	ts.Check(b.stop())
}
