package sim

import (
	"math"
	"slices"
	"testing"
	"time"

	"dione/net/dht"
)

// TestSessions: times are distributed as they are said to be.
func TestSessions(t *testing.T) {
	for _, tt := range []struct {
		cfg  ChurnConfig
		want float64 // median, in hours
	}{
		{ChurnConfig{Departure: 0.2}, 24 * math.Ln2 / -math.Log(0.8)},
		{ChurnConfig{Median: 2 * time.Hour}, 2},
		{ChurnConfig{Median: 2 * time.Hour, Shape: Weibull}, 2},
	} {
		c := NewChurn(tt.cfg)
		stays, left := make([]time.Duration, 20_001), 0
		for i := range stays {
			stays[i] = c.session()
			if stays[i] < 24*time.Hour {
				left++
			}
		}
		slices.Sort(stays)
		if got := stays[len(stays)/2].Hours(); got < 0.95*tt.want || got > 1.05*tt.want {
			t.Errorf("%+v: median %.2f h, want %.2f", tt.cfg, got, tt.want)
		}
		if part := float64(left) / float64(len(stays)); tt.cfg.Departure > 0 && math.Abs(part-tt.cfg.Departure) > 0.02 {
			t.Errorf("%.3f leave within a day, want %v", part, tt.cfg.Departure)
		}
	}
	if c := NewChurn(ChurnConfig{}); c.residual() < 1e6*time.Hour {
		t.Error("nodes leave though nobody said so")
	}
}

// TestResidual: who is met stays the longer for it.
func TestResidual(t *testing.T) {
	c := NewChurn(ChurnConfig{Median: 2 * time.Hour})
	var fresh, met time.Duration
	for range 400 {
		fresh += c.session()
		met += c.residual()
	}
	// The mean of what is left is that of the squares by twice the mean: e/2.
	if ratio := float64(met) / float64(fresh); ratio < 1.05 || ratio > 1.7 {
		t.Errorf("those met stay %.2f times as long as newcomers, want about 1.36", ratio)
	}
}

// TestMail: packages outlive most of those who held them first.
func TestMail(t *testing.T) {
	c := NewChurn(ChurnConfig{Nodes: 50, Median: 2 * time.Hour, Silent: 0.2, Network: NetworkConfig{Seed: 1}})
	got := c.Run(MailConfig{Messages: 40, Parts: 2, Days: 0.3})
	if got.Messages != 40 || got.Lost > 0 || got.Stores < 40*2*3*8*3/4 || got.RepairBytes == 0 {
		t.Errorf("%v", got)
	}
	if nodes, servers := c.Up(); nodes != 50 || servers < 35 {
		t.Errorf("%d nodes are up, %d of them servers", nodes, servers)
	}
	if len(c.peers) != 50+people {
		t.Errorf("%d nodes are remembered", len(c.peers))
	}
}

func TestSameSeedSameMail(t *testing.T) {
	var runs [3]MailSummary
	for i, seed := range []uint64{1, 1, 2} {
		c := NewChurn(ChurnConfig{Nodes: 25, Departure: 0.9, Silent: 0.2, Network: NetworkConfig{Seed: seed, Loss: 0.02}})
		runs[i] = c.Run(MailConfig{Messages: 10, Days: 0.1})
	}
	if runs[0] != runs[1] || runs[0] == runs[2] {
		t.Errorf("seeds 1, 1 and 2 gave %v", runs)
	}
}

// TestNoHolders: what nobody keeps is lost, and counted so.
func TestNoHolders(t *testing.T) {
	c := NewChurn(ChurnConfig{Nodes: 20, Silent: 1, Network: NetworkConfig{Seed: 2}})
	if got := c.Run(MailConfig{Messages: 5, Locations: 1, Days: 0.1}); got.Lost != 5 || got.RepairBytes != 0 {
		t.Errorf("all are silent: %v", got)
	}
}

// TestNoRepair: without repair the same is lost that repair keeps.
func TestNoRepair(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a network for a day")
	}
	lost := func(repair time.Duration) (n int) {
		for seed := range uint64(2) { // one alone may lose few by chance
			c := NewChurn(ChurnConfig{Nodes: 50, Median: 2 * time.Hour, Repair: repair, Network: NetworkConfig{Seed: seed}})
			n += c.Run(MailConfig{Messages: 40, Locations: 1, Days: 0.4}).Lost
		}
		return n
	}
	without, with := lost(1000*time.Hour), lost(time.Hour)
	if without < 8 || with > without/4 {
		t.Errorf("%d of 80 are lost without repair, %d with it", without, with)
	}
}

// TestReputs: what its writer puts again is there although nobody else repairs
// it.
func TestReputs(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a network for days")
	}
	lost := func(reputs bool) int {
		c := NewChurn(ChurnConfig{Nodes: 20, Departure: 0.7, Repair: 1000 * time.Hour, Network: NetworkConfig{Seed: 3}})
		return c.Run(MailConfig{Messages: 20, Locations: 1, Days: 3.2, Reputs: reputs}).Lost
	}
	without, with := lost(false), lost(true)
	if without < 10 || with > without/2 {
		t.Errorf("%d of 20 are lost, %d with what is put again", without, with)
	}
}

// TestPartition: two halves of a network find each other again, and what was
// put before is still there.
func TestPartition(t *testing.T) {
	c := NewChurn(ChurnConfig{Nodes: 40, Network: NetworkConfig{Seed: 4, Loss: 0.01}})
	n := c.Network
	n.After(150*time.Minute, func() { n.Split(func(host int) int { return host % 2 }) })
	n.After(300*time.Minute, func() { n.Split(nil) })
	if got := c.Run(MailConfig{Messages: 30, Days: 0.3}); got.Lost != 0 {
		t.Errorf("%v", got)
	}
	for _, p := range c.nodes {
		if !p.router.Serves(dht.Wide) || p.router.Servers(dht.Wide) < 30 {
			t.Errorf("node %d knows %d of 39 servers, serves: %v", p.number, p.router.Servers(dht.Wide), p.router.Serves(dht.Wide))
		}
	}
}

// TestWhole: a small network is known to all of its nodes, as a whole.
func TestWhole(t *testing.T) {
	for _, nodes := range []int{2, 5, 40} {
		c := NewChurn(ChurnConfig{Nodes: nodes, Network: NetworkConfig{Seed: 5}})
		c.Network.Run(c.Network.Now().Add(3 * time.Hour))
		for _, p := range c.nodes {
			if !p.router.Whole(c.Network.Now(), dht.Wide) || p.router.Servers(dht.Wide) != nodes-1 {
				t.Errorf("node %d of %d knows %d, as the whole network: %v", p.number, nodes, p.router.Servers(dht.Wide), p.router.Whole(c.Network.Now(), dht.Wide))
			}
		}
	}
}
