package lan

import (
	"context"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// running is a runner on a bus and what it has told.
type running struct {
	*busHost
	kick chan struct{}
	stop func() // and wait until it has ended

	mu       sync.Mutex
	heard    map[[8]byte]time.Time // first
	told     int
	statuses []Status
}

func run(t *testing.T, h *busHost) *running {
	r := &running{busHost: h, kick: make(chan struct{}, 1), heard: make(map[[8]byte]time.Time)}
	cfg := Config{Instance: h.instance, Port: 4000, RuntimeDir: filepath.Join(t.TempDir(), "dione"), Status: func(st Status) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.statuses = append(r.statuses, st)
	}}.complete()
	found := make(chan Peer)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		files := newSameHost(cfg)
		defer files.close()
		newRunner(cfg, h, files, found).run(ctx, r.kick)
		close(found)
	})
	wg.Go(func() {
		for p := range found {
			r.mu.Lock()
			r.told++
			if _, ok := r.heard[p.Instance]; !ok {
				r.heard[p.Instance] = time.Now()
			}
			r.mu.Unlock()
		}
	})
	r.stop = func() {
		cancel()
		wg.Wait()
	}
	t.Cleanup(r.stop)
	return r
}

// after tells how long after start other was heard first, or -1.
func (r *running) after(start time.Time, other *running) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, ok := r.heard[other.instance]
	if !ok {
		return -1
	}
	return at.Sub(start)
}

func (r *running) status() Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.statuses[len(r.statuses)-1]
}

func (r *running) queries() (n int) {
	r.with(func() { n = r.asked })
	return n
}

func TestNewcomerMeetsWhoWasIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := new(bus)
		ann := run(t, b.host(1, wire(1, "10.0.0.1")))
		time.Sleep(time.Hour)
		start := time.Now()
		bob := run(t, b.host(2, wire(1, "10.0.0.2")))
		time.Sleep(time.Second)
		if d := bob.after(start, ann); d < 0 || d > briefTime {
			t.Errorf("the newcomer hears after %v, want %v", d, briefTime)
		}
		if d := ann.after(start, bob); d < 0 || d > hintMax+queryTime {
			t.Errorf("who was idle hears after %v, want at most %v", d, hintMax+queryTime)
		}
		if ann.after(start, ann) >= 0 {
			t.Error("a peer was told of itself")
		}
	})
}

func TestTwoNewcomersAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := new(bus)
		start := time.Now()
		ann, bob := run(t, b.host(1, wire(1, "10.0.0.1"))), run(t, b.host(2, wire(1, "10.0.0.2")))
		time.Sleep(time.Second)
		a, z := ann.after(start, bob), bob.after(start, ann)
		if a < 0 || z < 0 || min(a, z) > briefTime || max(a, z) > 250*time.Millisecond+queryTime {
			t.Errorf("they hear each other after %v and %v", a, z)
		}
	})
}

// TestCrowdIsQuiet has forty peers on one LAN for an hour: what one asks
// makes nobody else ask.
func TestCrowdIsQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const crowd = 40
		b := new(bus)
		var all []*running
		for n := range crowd {
			all = append(all, run(t, b.host(uint64(n+1), iface{prefixes: wire(1, "10.0.0.1").prefixes})))
		}
		time.Sleep(time.Minute)
		before := 0
		for _, r := range all {
			before += r.queries()
		}
		time.Sleep(time.Hour)
		after := 0
		for _, r := range all {
			after += r.queries()
		}
		perHour := (after - before) / crowd
		if want := int(time.Hour / steady); perHour < want*8/10 || perHour > want*12/10 {
			t.Errorf("each of %d peers asks %d times an hour, want about %d", crowd, perHour, want)
		}
	})
}

func TestInterfacesComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := new(bus)
		ann := run(t, b.host(1))
		bob := run(t, b.host(2, wire(1, "10.0.0.2")))
		time.Sleep(time.Minute)
		if off := ann.status().Off; off != "no network interface is up" {
			t.Errorf("without an interface, Off = %q", off)
		}
		// A question that is under way is waited for, and then there is another one.
		const soon = watchEvery + 2*patientTime + 100*time.Millisecond
		for name, i := range map[string]iface{
			"plugged in":           wire(1, "10.0.0.1"),
			"another address":      wire(1, "10.0.0.77"),
			"deleted and made new": wire(2, "10.0.0.77"),
		} {
			start := time.Now()
			ann.mu.Lock()
			clear(ann.heard)
			ann.mu.Unlock()
			before := 0
			ann.with(func() { ann.ifs, before = []iface{i}, ann.serves })
			time.Sleep(soon)
			synctest.Wait()
			if d := ann.after(start, bob); d < 0 {
				t.Errorf("%s: nobody is heard after %v", name, soon)
			}
			ann.with(func() {
				if ann.serves != before+1 {
					t.Errorf("%s: served anew %d times, want 1", name, ann.serves-before)
				}
			})
			if st := ann.status(); st.Off != "" || len(st.Interfaces) != 1 || st.Interfaces[0].Addrs[0] != i.addrs()[0] {
				t.Errorf("%s: the status is %+v", name, st)
			}
			time.Sleep(time.Minute)
		}
		ann.with(func() { ann.ifs = nil })
		time.Sleep(soon)
		if off := ann.status().Off; off == "" {
			t.Error("pulled out: discovery is not off")
		}
	})
}

// TestWake holds a query up for a minute, as sleep would.
func TestWake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ann := run(t, new(bus).host(1, wire(1, "10.0.0.1")))
		time.Sleep(time.Hour)
		ann.with(func() { ann.slow = time.Minute })
		before := ann.queries()
		time.Sleep(steady*6/5 + time.Minute + watchEvery + 10*time.Second)
		if n := ann.queries() - before; n < 1+len(queries) {
			t.Errorf("%d queries, want one that is held up and a burst of %d", n, len(queries))
		}
	})
}

func TestKick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ann := run(t, new(bus).host(1, wire(1, "10.0.0.1")))
		time.Sleep(time.Hour)
		before := ann.queries()
		ann.kick <- struct{}{}
		synctest.Wait()
		time.Sleep(minPause)
		if n := ann.queries() - before; n == 0 {
			t.Error("nothing is asked after a kick")
		}
		time.Sleep(10 * time.Second)
		if n := ann.queries() - before; n < len(queries) {
			t.Errorf("%d queries in ten seconds after a kick, want a burst of %d", n, len(queries))
		}
	})
}

func TestDeafInterface(t *testing.T) {
	if !echoes {
		t.Skip("no host hears itself on this system")
	}
	synctest.Test(t, func(t *testing.T) {
		ann := run(t, new(bus).host(1, wire(1, "10.0.0.1")))
		time.Sleep(time.Minute)
		if st := ann.status(); st.Off != "" || st.SameHost != "" {
			t.Fatalf("the status is %+v", st)
		}
		ann.with(func() { ann.deaf = true })
		time.Sleep(deafAfter * steady * 6 / 5)
		if st := ann.status(); st.Off != "eth0: "+deaf || st.Interfaces[0].Problem != deaf {
			t.Errorf("deaf, the status is %+v", st)
		}
		ann.with(func() { ann.deaf = false })
		time.Sleep(steady * 5 / 4)
		if st := ann.status(); st.Off != "" || st.Interfaces[0].Problem != "" {
			t.Errorf("hearing again, the status is %+v", st)
		}
		ann.stop()
		if n := len(ann.statuses); n != 3 {
			t.Errorf("%d statuses were told, want 3", n)
		}
	})
}

// TestForgedCrowd has a thousand strangers answer every query: what is told
// is bounded, and the one who is real comes through.
func TestForgedCrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := new(bus)
		host := b.host(1, wire(1, "10.0.0.1"))
		host.forged = 1000
		start := time.Now()
		ann := run(t, host)
		bob := run(t, b.host(2, wire(1, "10.0.0.2")))
		time.Sleep(30 * time.Minute)
		synctest.Wait()
		ann.mu.Lock()
		told := ann.told
		ann.mu.Unlock()
		if n, most := told, ann.queries()*maxPeers; n > most {
			t.Errorf("%d hints of %d queries, want at most %d", n, ann.queries(), most)
		}
		if ann.after(start, bob) < 0 {
			t.Error("a forged crowd hides who is real")
		}
	})
}

// TestStopWhileNobodyListens cancels a runner that waits for its hint to be
// taken: synctest fails if anything is left behind.
func TestStopWhileNobodyListens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := new(bus)
		run(t, b.host(2, wire(1, "10.0.0.2")))
		h := b.host(1, wire(1, "10.0.0.1"))
		cfg := Config{Instance: h.instance, Port: 4000, RuntimeDir: filepath.Join(t.TempDir(), "dione")}.complete()
		files := newSameHost(cfg)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		newRunner(cfg, h, files, make(chan Peer)).run(ctx, nil)
		files.close()
		if d := time.Since(start); d != time.Minute {
			t.Errorf("stopped after %v, want %v", d, time.Minute)
		}
	})
}

func TestMerge(t *testing.T) {
	a := answer{Peer: peer(1, "10.0.0.1:4000", "[fd00::1]:4000")}
	b := answer{Peer: peer(1, "[fd00::1]:4000", "[fe80::1%eth0]:4000")}
	c := answer{Peer: peer(2, "10.0.0.2:4000")}
	got := merge([]answer{a, c, b})
	if len(got) != 2 || !slices.Equal(got[0].Addrs, peer(1, "10.0.0.1:4000", "[fd00::1]:4000", "[fe80::1%eth0]:4000").Addrs) {
		t.Errorf("merge = %v", got)
	}
}
