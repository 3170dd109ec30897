package messenger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/multiformats/go-multiaddr"

	"dione/store"
)

// patience bounds every wait of these tests. It is long since it is reached
// only by a test that fails.
const patience = 20 * time.Second

// engine is a running Messenger and what it told so far.
type engine struct {
	*Messenger
	t    testing.TB
	dir  string
	name string
	stop func()

	mu      sync.Mutex
	told    []Event
	changed chan struct{} // closed and replaced whenever told grows
}

// startEngine runs an engine on the profile in dir, until the test ends or
// stop is called. It listens on loopback and looks for nobody.
func startEngine(t testing.TB, dir, name string) *engine {
	t.Helper()
	return startEngineOn(t, dir, name, "")
}

// startEngineOn is startEngine on a network of that name.
func startEngineOn(t testing.TB, dir, name, network string) *engine {
	t.Helper()
	return startEngineWith(t, dir, name, func(cfg *Config) func() { cfg.Network = network; return func() {} })
}

// startEngineWith is startEngine with a changed configuration. What set returns
// is called when the engine has ended.
func startEngineWith(t testing.TB, dir, name string, set func(*Config) (closeMore func())) *engine {
	t.Helper()
	st, closeStore := openStore(t, dir)
	cfg := Config{
		DefaultName: name,
		Listen:      []multiaddr.Multiaddr{multiaddr.StringCast("/ip4/127.0.0.1/tcp/0")},
		NoLAN:       true,
		Log:         slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	closeMore := set(&cfg)
	m, err := New(cfg, st)
	if err != nil {
		t.Fatal(err)
	}
	e := &engine{Messenger: m, t: t, dir: dir, name: name, changed: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := m.Run(ctx); err != nil {
			t.Errorf("%s: Run: %v", name, err)
		}
	})
	wg.Go(func() { e.collect(ctx) })
	e.stop = sync.OnceFunc(func() {
		cancel()
		wg.Wait()
		closeStore()
		closeMore()
	})
	t.Cleanup(e.stop)
	await[Ready](e, "ready", func(Ready) bool { return true })
	return e
}

// openStore opens the profile in dir.
func openStore(t testing.TB, dir string) (st *store.Store, closeAll func()) {
	t.Helper()
	profile, err := store.OpenProfile(dir)
	if err != nil {
		t.Fatal(err)
	}
	key, err := profile.Unlock(nil)
	if err != nil {
		t.Fatal(err)
	}
	st, err = store.Open(t.Context(), profile, key, nil)
	if err != nil {
		t.Fatal(err)
	}
	return st, func() {
		if err := errors.Join(st.Close(), profile.Close()); err != nil {
			t.Errorf("close the profile: %v", err)
		}
	}
}

// openIdle makes an engine on the profile in dir that is never run.
func openIdle(t testing.TB, dir string) *Messenger {
	t.Helper()
	st, closeAll := openStore(t, dir)
	t.Cleanup(closeAll)
	m, err := New(Config{}, st)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (e *engine) collect(ctx context.Context) {
	for {
		select {
		case ev := <-e.Events():
			e.mu.Lock()
			e.told = append(e.told, ev)
			close(e.changed)
			e.changed = make(chan struct{})
			e.mu.Unlock()
		case <-ctx.Done():
			return
		}
	}
}

// events returns what was told so far and a channel that closes with the next.
func (e *engine) events() ([]Event, <-chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.told[:len(e.told):len(e.told)], e.changed
}

// await waits for an event of type T that fits, past ones included.
func await[T Event](e *engine, what string, fits func(T) bool) T {
	e.t.Helper()
	deadline := time.After(patience)
	for {
		told, changed := e.events()
		for _, ev := range slices.Backward(told) { // what is waited for is mostly new
			if ev, ok := ev.(T); ok && fits(ev) {
				return ev
			}
		}
		select {
		case <-changed:
		case <-deadline:
			e.t.Fatalf("%s: %s did not happen; it told %d events, the last %+v", e.name, what, len(told), last(told))
		}
	}
}

func last(told []Event) Event {
	if len(told) == 0 {
		return nil
	}
	return told[len(told)-1]
}

// count tells how many events of type T fit so far.
func count[T Event](e *engine, fits func(T) bool) (n int) {
	told, _ := e.events()
	for _, ev := range told {
		if ev, ok := ev.(T); ok && fits(ev) {
			n++
		}
	}
	return n
}

// meet makes a and b near each other, as LAN discovery would.
func meet(a, b *engine) {
	a.t.Helper()
	hint(a, b)
	for _, pair := range [][2]*engine{{a, b}, {b, a}} {
		here, there := pair[0], pair[1].Self().ID
		await(here, "near", func(ev PersonNear) bool { return ev.Person.ID == there })
	}
}

// hint lets a know where b is, as an advert does.
func hint(a, b *engine) {
	a.swarm.Hint(b.instance, b.swarm.Bound())
}

// keepMeeting lets a know again and again where b is, as the rounds of LAN
// discovery do, until the test ends.
func keepMeeting(a, b *engine) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				hint(a, b)
			case <-done:
				return
			}
		}
	})
	a.t.Cleanup(func() {
		close(done)
		wg.Wait()
	})
}

func (e *engine) send(chat Chat, text string) Message {
	e.t.Helper()
	msg, err := e.Send(e.t.Context(), chat, text)
	if err != nil {
		e.t.Fatalf("%s: send %q: %v", e.name, text, err)
	}
	return msg
}

func (e *engine) awaitState(id MessageID, state State) Message {
	e.t.Helper()
	return await(e, fmt.Sprintf("message %s %s", id, state), func(ev StateChanged) bool {
		return ev.Message.ID == id && ev.Message.State == state
	}).Message
}

func (e *engine) awaitText(text string) MessageReceived {
	e.t.Helper()
	return await(e, "receiving "+text, func(ev MessageReceived) bool { return ev.Message.Text == text })
}

// history reads a chat's messages from the store, oldest first.
func (e *engine) history(chat Chat) []Message {
	e.t.Helper()
	msgs, err := e.History(e.t.Context(), chat, Cursor{}, 100000)
	if err != nil {
		e.t.Fatal(err)
	}
	return msgs
}

// texts is history for what was written alone.
func (e *engine) texts(chat Chat) []string {
	e.t.Helper()
	msgs := e.history(chat)
	texts := make([]string, len(msgs))
	for i, msg := range msgs {
		texts[i] = msg.Text
	}
	return texts
}

func chatWith(e *engine) Chat { return Chat{Peer: e.Self().ID} }
