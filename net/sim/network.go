package sim

import (
	"math"
	"math/rand/v2"
	"time"

	"dione/net/dht"
)

// NetworkConfig configures a Network. A zero field means its default.
type NetworkConfig struct {
	Seed    uint64
	Start   time.Time     // the virtual time at first; 2026-01-01
	Latency time.Duration // of half of all pairs, one way; 40ms
	Spread  float64       // of the latencies, which are log-normal; 0.6
	Loss    float64       // part of the messages that get lost
	Timeout time.Duration // after which a question counts as not answered; 2s
}

// Network carries questions and answers between hosts, which are numbers. Two
// hosts are always about as far from each other.
type Network struct {
	*Queue
	Rand *rand.Rand // of everything random in the simulation

	cfg    NetworkConfig
	pair   *rand.PCG          // seeded by two hosts
	gauss  *rand.Rand         // of pair
	side   func(host int) int // hosts of different sides do not reach each other
	asked  int
	failed int
}

// NewNetwork returns a network without traffic.
func NewNetwork(cfg NetworkConfig) *Network {
	if cfg.Start.IsZero() {
		cfg.Start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if cfg.Latency == 0 {
		cfg.Latency = 40 * time.Millisecond
	}
	if cfg.Spread == 0 {
		cfg.Spread = 0.6
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 2 * time.Second
	}
	pair := rand.NewPCG(0, 0)
	return &Network{
		Queue: NewQueue(cfg.Start), Rand: rand.New(rand.NewPCG(cfg.Seed, 1)),
		cfg: cfg, pair: pair, gauss: rand.New(pair),
	}
}

// Split parts the network: only hosts of one side reach each other. nil makes
// it whole again.
func (n *Network) Split(side func(host int) int) { n.side = side }

// Asked tells how many questions were asked, and how many of them have had no
// answer.
func (n *Network) Asked() (all, failed int) { return n.asked, n.failed }

// Ask carries a question from one host to another, where serve replies to it,
// once, at once or later, and the reply back to done. done gets nil, when the
// time is over, if nothing came back: serve did not reply, or replied nil, or
// something got lost.
func (n *Network) Ask(from, to int, serve func(reply func(dht.Message)), done func(dht.Message)) {
	n.asked++
	deadline := n.now + n.cfg.Timeout
	ended := false
	end := func(m dht.Message) {
		if !ended {
			ended = true
			if m == nil {
				n.failed++
			}
			done(m)
		}
	}
	giveUp := func() { n.After(deadline-n.now, func() { end(nil) }) }
	delay, lost := n.delay(from, to)
	if lost {
		giveUp()
		return
	}
	n.After(delay, func() {
		waits := true
		serve(func(m dht.Message) {
			delay, lost := n.delay(to, from)
			if m != nil && !lost && n.now+delay < deadline {
				waits = false
				n.After(delay, func() { end(m) })
			}
		})
		if waits {
			giveUp()
		}
	})
}

// delay returns how long a message is under way: what is usual between two
// hosts, give or take a tenth.
func (n *Network) delay(from, to int) (d time.Duration, lost bool) {
	if n.side != nil && n.side(from) != n.side(to) || n.cfg.Loss > 0 && n.Rand.Float64() < n.cfg.Loss {
		return 0, true
	}
	n.pair.Seed(n.cfg.Seed, uint64(min(from, to))<<32|uint64(max(from, to)))
	usual := float64(n.cfg.Latency) * math.Exp(n.cfg.Spread*n.gauss.NormFloat64())
	return time.Duration(usual * (0.9 + 0.2*n.Rand.Float64())), false
}
