package lan

import (
	"context"
	"log/slog"
	"slices"
	"time"
)

const (
	// watchEvery is how often the interfaces are looked at.
	watchEvery = 2 * time.Second

	// wakeAfter is how much longer than watchEvery the wall clock may take
	// between two looks before we take it that the machine slept.
	wakeAfter = 10 * time.Second

	// deafAfter is how many queries in a row must go unheard by ourselves
	// before an interface counts as deaf: a busy machine may miss one.
	deafAfter = 3

	// deaf is the problem of such an interface.
	deaf = "what is asked there does not come back even to this host; a firewall may block UDP port 5353"
)

// backend is what a runner needs of the networks; tests have one in memory.
type backend interface {
	// interfaces lists what can be used for discovery now, the most useful
	// first. If there is none the error says why, in words for the user.
	interfaces() ([]iface, error)
	// serve answers queries on ifs from now on, instead of those before, and
	// tells of each what is in the way.
	serve(ifs []iface) []Interface
	// query asks once on each of ifs and returns what it has heard after
	// listen, ourselves included.
	query(ctx context.Context, ifs []iface, listen time.Duration) []answer
	// newcomer gets a value when somebody new has asked for our service.
	newcomer() <-chan struct{}
}

// answer is a hint and where it was heard.
type answer struct {
	Peer
	on int // index of the interface in those that were asked
}

// runner is the state of [Run], owned by one goroutine.
type runner struct {
	cfg     Config
	backend backend
	files   *sameHost
	found   chan<- Peer

	ifs      []iface
	sign     string // of what look last saw
	missed   []int  // how often in a row each of ifs has not heard ourselves
	status   Status
	schedule schedule
}

func newRunner(cfg Config, b backend, files *sameHost, found chan<- Peer) *runner {
	return &runner{cfg: cfg, backend: b, files: files, found: found, sign: "never looked"}
}

func (r *runner) run(ctx context.Context, kick <-chan struct{}) {
	r.look()
	looked := time.Now()
	watch := time.NewTicker(watchEvery)
	defer watch.Stop()
	ask := time.NewTimer(0)
	defer ask.Stop()
	for {
		select {
		case <-ask.C:
			r.round(ctx, r.schedule.ask(time.Now()))
		case <-kick:
			r.schedule.burst(time.Now())
		case <-r.backend.newcomer():
			// Its dial should be on the way. If that cannot reach us, ours may.
			r.schedule.hint(time.Now())
		case <-watch.C:
			now := time.Now()
			if r.look() || slept(looked, now) {
				r.schedule.burst(now)
			}
			looked = now
		case <-ctx.Done():
			return
		}
		ask.Reset(time.Until(r.schedule.due))
	}
}

// slept reports whether the machine slept between two looks. Only the wall
// clock goes on meanwhile; so a clock that was set forward looks the same, and
// costs a burst of queries.
func slept(before, now time.Time) bool {
	return now.Round(0).Sub(before.Round(0)) > watchEvery+wakeAfter
}

// round asks once and passes on what it hears.
func (r *runner) round(ctx context.Context, listen time.Duration) {
	for _, p := range r.files.read(r.ifs) {
		r.tell(ctx, p)
	}
	answers := r.backend.query(ctx, r.ifs, listen)
	if ctx.Err() != nil {
		return // which cuts a query short
	}
	for _, p := range merge(answers) {
		r.tell(ctx, p)
	}
	if listen > briefTime && r.judge(answers) {
		r.cfg.Status(r.status)
	}
}

func (r *runner) tell(ctx context.Context, p Peer) {
	if p.Instance == r.cfg.Instance || len(p.Addrs) == 0 {
		return
	}
	select {
	case r.found <- p:
	case <-ctx.Done():
	}
}

// look looks at the interfaces and serves them anew if they changed, which it
// reports.
func (r *runner) look() (changed bool) {
	ifs, err := r.backend.interfaces()
	sign := signature(ifs, err)
	if sign == r.sign {
		return false
	}
	r.ifs, r.sign, r.missed = ifs, sign, make([]int, len(ifs))
	st := Status{Interfaces: r.backend.serve(ifs), SameHost: r.files.problem()}
	if st.Off = off(st.Interfaces); err != nil {
		st.Off = err.Error()
	}
	r.status = st
	r.cfg.Log.Info("network interfaces", slog.Int("usable", len(ifs)), slog.String("off", st.Off))
	r.cfg.Status(st)
	return true
}

// judge takes from the answers to a query whether the interfaces hear at all,
// and from the files whether those can be used. It reports whether the status
// is another now.
func (r *runner) judge(answers []answer) (changed bool) {
	st := Status{Interfaces: slices.Clone(r.status.Interfaces), Off: r.status.Off, SameHost: r.files.problem()}
	changed = st.SameHost != r.status.SameHost
	for n := range r.ifs {
		r.missed[n]++
		if slices.ContainsFunc(answers, func(a answer) bool { return a.on == n && a.Instance == r.cfg.Instance }) {
			r.missed[n] = 0
		}
		switch i := &st.Interfaces[n]; {
		case r.missed[n] == 0 && i.Problem == deaf:
			i.Problem, changed = "", true
		case r.missed[n] >= deafAfter && i.Problem == "" && echoes:
			i.Problem, changed = deaf, true
		}
	}
	if !changed {
		return false
	}
	if len(r.ifs) > 0 {
		st.Off = off(st.Interfaces)
	}
	r.status = st
	r.cfg.Log.Info("discovery", slog.String("off", st.Off), slog.String("sameHost", st.SameHost))
	return true
}

// off tells in words why no interface works, or "" if one does.
func off(ifs []Interface) string {
	for _, i := range ifs {
		if i.Problem == "" {
			return ""
		}
	}
	if len(ifs) == 0 {
		return "no network interface can be used"
	}
	return ifs[0].Name + ": " + ifs[0].Problem
}
