package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/spf13/cobra"

	"dione/net/address"
	"dione/net/lan"
	"dione/net/node"
	"dione/store"
	"dione/tui/config"
	"dione/tui/control"
	"dione/tui/record"
)

// doctor says what works and what does not, in sentences.
type doctor struct {
	cmd    *cobra.Command
	json   bool
	broken bool
	err    error // of writing
}

// finding is one sentence.
type finding struct {
	OK   bool   `json:"ok"`
	Text string `json:"text"`
	Hint string `json:"hint"`
}

func (d *doctor) good(format string, args ...any) {
	d.say(finding{true, fmt.Sprintf(format, args...), ""})
}

func (d *doctor) bad(hint, format string, args ...any) {
	d.broken = true
	d.say(finding{false, fmt.Sprintf(format, args...), hint})
}

func (d *doctor) say(f finding) {
	out := d.cmd.OutOrStdout()
	if d.json {
		d.err = errors.Join(d.err, record.JSON(out, f))
		return
	}
	sign := "ok     "
	if !f.OK {
		sign = "broken "
	}
	_, err := fmt.Fprintln(out, sign+f.Text)
	d.err = errors.Join(d.err, err)
	if f.Hint != "" {
		_, err := fmt.Fprintln(out, "       hint: "+f.Hint)
		d.err = errors.Join(d.err, err)
	}
}

func runDoctor(ctx context.Context, cmd *cobra.Command, cfg config.Config, _ []string) error {
	d := &doctor{cmd: cmd, json: cfg.JSON}
	answers := d.profile(ctx, cfg)
	d.lan(ctx, cfg)
	d.mail(ctx, cfg, answers)
	if d.err != nil {
		return d.err
	}
	if d.broken {
		return errReported
	}
	return nil
}

// profile looks at the profile: by the process that has it, or itself. It
// reports whether one of them can be asked for more.
func (d *doctor) profile(ctx context.Context, cfg config.Config) bool {
	err := answer(ctx, d.cmd, cfg, control.Request{What: control.ID}, func(r record.Ready) error {
		d.good("The profile %s opens: you are %s ·%s.", cfg.Home, r.Name, r.Tag)
		if len(r.Addrs) > 0 {
			d.good("A dione runs on it and listens at %s.", r.Addrs[0])
			return nil
		}
		ln, err := net.Listen("tcp", ":0")
		if err != nil {
			d.bad("let dione listen for connections in this system's firewall or sandbox", "No port can be opened: %v.", err)
			return nil
		}
		d.good("Ports can be opened.")
		return ln.Close()
	})
	var inUse *store.InUseError
	switch {
	case errors.As(err, &inUse):
		d.bad("end that process, or wait for it; a dione node is watched by its log and --metrics", "The profile is in use by process %d, which does not answer.", inUse.PID)
	case err != nil:
		var h interface{ Hint() string }
		hint := ""
		if errors.As(err, &h) {
			hint = h.Hint()
		}
		d.bad(hint, "The profile %s does not open: %v.", cfg.Home, err)
	}
	return err == nil
}

// lan looks at discovery.
func (d *doctor) lan(ctx context.Context, cfg config.Config) {
	if !cfg.LAN {
		d.good("LAN discovery is switched off by the settings.")
		return
	}
	st := lan.Check(ctx, nil)
	for _, i := range st.Interfaces {
		if i.Problem != "" {
			d.bad("", "%s: %s.", i.Name, i.Problem)
		} else {
			d.good("%s can be searched for people.", i.Name)
		}
	}
	if st.Off != "" {
		d.bad("connect to a network; people of this machine are found without one", "LAN discovery is off: %s.", st.Off)
	}
	if st.SameHost != "" {
		d.bad("", "Processes of this machine do not find each other without a network: %s.", st.SameHost)
	} else {
		d.good("Processes of this machine find each other in %s.", lan.RuntimeDir())
	}
}

// seedTime bounds an attempt to reach a seed.
const seedTime = 3 * time.Second

// mail looks at the part in the mail network. What the profile holds is asked
// for if it answers.
func (d *doctor) mail(ctx context.Context, cfg config.Config, answers bool) {
	if cfg.DHT == string(node.Off) {
		d.good("The mail network is switched off by the settings.")
		return
	}
	for _, s := range cfg.Seeds {
		d.seed(ctx, s)
	}
	if !answers {
		return // that was told
	}
	err := answer(ctx, d.cmd, cfg, control.Request{What: control.Net}, func(r record.Net) error {
		switch n := r.DHT; {
		case n.Problem != "":
			d.bad("make space on the disk of the profile; your own chats do not need this", "Packages of the mail network cannot be held: %s.", n.Problem)
		case n.Mode == "" && len(r.Addrs) > 0:
			d.good("The key for the mail network is being made, which takes some seconds, once.")
		case n.Mode == "":
			d.good("Packages of the mail network can be held.")
		case n.Servers == 0 && n.Near == 0:
			d.good("No server of the mail network is known: --seed, or a contact who knows some, makes a beginning.")
		default:
			d.good("The mail network is reached; servers known: %d on the internet, %d near.", n.Servers, n.Near)
		}
		return nil
	})
	if err != nil {
		d.bad("", "The mail network cannot be asked for: %v.", err)
	}
}

// seed tries to reach a node to begin with.
func (d *doctor) seed(ctx context.Context, seed string) {
	const hint = "ask who runs it, or name another one with --seed"
	where, _, err := address.Parse(seed)
	if err != nil {
		d.bad(hint, "The seed %v.", err)
		return
	}
	addrs, err := address.LookUp(ctx, []string{where})
	if len(addrs) == 0 {
		d.bad(hint, "The seed %s is not found: %v.", seed, err)
		return
	}
	dialer := net.Dialer{Timeout: seedTime}
	for _, a := range addrs {
		var conn net.Conn
		if conn, err = dialer.DialContext(ctx, "tcp", a.String()); err == nil {
			d.good("The seed %s can be reached.", seed)
			_ = conn.Close() // nothing was said on it
			return
		}
	}
	d.bad(hint, "The seed %s is not reached: %v.", seed, err)
}
