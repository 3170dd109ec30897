package sim

import (
	"testing"
	"time"

	"dione/net/dht"
)

// asks has one host ask another, and returns what came back and after how long.
func asks(n *Network, from, to int, serve func(reply func(dht.Message))) (answer dht.Message, took time.Duration) {
	began, done := n.Now(), 0
	n.Ask(from, to, serve, func(m dht.Message) {
		answer, took = m, n.Now().Sub(began)
		done++
	})
	for n.Step() {
	}
	if done != 1 {
		panic("a question has not exactly one end")
	}
	return answer, took
}

func pong(reply func(dht.Message)) { reply(dht.Pong{Clock: 7}) }

func TestAsk(t *testing.T) {
	n := NewNetwork(NetworkConfig{Seed: 1})
	for from := range 20 {
		m, took := asks(n, from, 99, pong)
		if p, ok := m.(dht.Pong); !ok || p.Clock != 7 || took <= 0 || took > time.Second {
			t.Fatalf("host %d: %v after %v", from, m, took)
		}
		_, back := asks(n, 99, from, pong)
		if back < took*8/10 || back > took*13/10 {
			t.Errorf("host %d: there and back %v, back and there %v", from, took, back)
		}
	}
	for name, serve := range map[string]func(func(dht.Message)){
		"silent":  func(func(dht.Message)) {},
		"refuses": func(reply func(dht.Message)) { reply(nil) },
		"slow": func(reply func(dht.Message)) {
			n.After(3*time.Second, func() { reply(dht.Pong{}) })
		},
	} {
		if m, took := asks(n, 1, 2, serve); m != nil || took != 2*time.Second {
			t.Errorf("%s: %v after %v, want none after 2s", name, m, took)
		}
	}
	later := func(reply func(dht.Message)) { n.After(time.Second, func() { reply(dht.Pong{Clock: 9}) }) }
	if m, took := asks(n, 1, 2, later); m != (dht.Pong{Clock: 9}) || took < time.Second || took > 2*time.Second {
		t.Errorf("who takes his time: %v after %v", m, took)
	}
	twice := func(reply func(dht.Message)) {
		pong(reply)
		reply(dht.Pong{})
	}
	if m, _ := asks(n, 1, 2, twice); m == nil {
		t.Error("who answers twice is not heard")
	}
	if all, failed := n.Asked(); all != 45 || failed != 3 {
		t.Errorf("%d questions, %d failed, want 45 and 3", all, failed)
	}
}

func TestLoss(t *testing.T) {
	n := NewNetwork(NetworkConfig{Seed: 2, Loss: 0.1})
	failed := 0
	for range 4000 {
		if m, _ := asks(n, 1, 2, pong); m == nil {
			failed++
		}
	}
	if part := float64(failed) / 4000; part < 0.17 || part > 0.21 { // 1 - 0.9²
		t.Errorf("%.3f of the questions fail, want about 0.19", part)
	}
}

func TestSplit(t *testing.T) {
	n := NewNetwork(NetworkConfig{Seed: 3})
	n.Split(func(host int) int { return host % 2 })
	same, _ := asks(n, 1, 3, pong)
	other, _ := asks(n, 1, 2, pong)
	if same == nil || other != nil {
		t.Errorf("on one side %v, across %v", same, other)
	}
	n.Split(nil)
	if m, _ := asks(n, 1, 2, pong); m == nil {
		t.Error("the network is not whole again")
	}
}
