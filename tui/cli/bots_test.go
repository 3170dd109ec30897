//go:build unix

package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestEchoBot runs the bot of docs/bots.md beside a dione, and has somebody
// write to it.
func TestEchoBot(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"sh", "jq"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	const file = "../../docs/bots/echo.sh"
	script, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../docs/bots.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), "```sh\n"+string(script)+"```\n") {
		t.Error("docs/bots.md shows another script")
	}

	annHome, botHome := newAlone(t), newAlone(t)
	botHome.name = "echo"
	ann, bot := annHome.start(notReached...), botHome.start(notReached...)
	cmd := exec.Command("sh", file)
	cmd.Env = append(botHome.env, "DIONE_HOME="+botHome.dir)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ann.say("/add " + bot.await("ready", isReady).Addrs[0] + " as echo")
	bot.await("a request", func(l line) bool { return l.Kind == "request" })
	bot.say("/accept ann")

	// The bot hears from when its tail has begun: until then ann writes again.
	echo := func(l line) bool { return l.Kind == "message" && l.Text == "psst" && l.Name == "echo" }
	for answered := false; !answered; {
		annHome.run("send", "echo", "psst", "--wait", "delivered").ok("delivered\n")
		lines, _ := ann.printed()
		for _, l := range lines {
			answered = answered || echo(l)
		}
	}
	const odd = "two lines\nand  $HOME `id` \"'\\n %s"
	annHome.feed(odd, "send", "echo", "--wait", "delivered").ok("delivered\n")
	ann.await("the echo", func(l line) bool { return l.Kind == "message" && l.Text == odd })
	ann.say("in the room")
	annHome.feed("the last one", "send", "echo", "--wait", "delivered").ok("delivered\n")
	ann.await("the echo", func(l line) bool { return l.Kind == "message" && l.Text == "the last one" })
	lines, _ := ann.printed()
	for _, l := range lines {
		if l.Kind == "message" && l.Text == "in the room" {
			t.Error("the bot answers in the room")
		}
	}
	bot.quit() // and with it the tail, and the bot
	if err := cmd.Wait(); err != nil {
		t.Errorf("the bot ended with %v", err)
	}
	ann.quit()
	if _, err := os.Stat(filepath.Join(botHome.dir, "control.sock")); err == nil {
		t.Error("a socket is left behind")
	}
}
