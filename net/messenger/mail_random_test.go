package messenger

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"dione/crypto/parcel"
	"dione/net/dht"
	"dione/net/mailbox/boxtest"
)

// TestAnyOutage has two people write while either of them is up or not, on the
// network or not, killed or not, while nodes of the mail network come and go,
// a fifth of them lies, and links come and go: each gets all that the other
// has written, once, in order, and nothing is said to be delivered that is not.
func TestAnyOutage(t *testing.T) {
	total := 200
	if testing.Short() {
		total = 60
	}
	if n, err := strconv.Atoi(os.Getenv("DIONE_OUTAGES")); err == nil {
		total = n // so many messages, as for docs/benchmarks.md
	}
	burst := max(20, total/50)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	inWorld(t, seed, 40, func(w *world) { w.outages(total, burst) })
}

// outages runs the steps of [TestAnyOutage] until so many messages are written,
// up to a burst at a time.
func (w *world) outages(total, burst int) {
	w.liars(0.2)
	w.acquaint()
	pauses := []time.Duration{0, time.Second, 5 * time.Second, time.Minute, 20 * time.Minute, 5 * time.Hour, 30 * time.Hour, 80 * time.Hour}
	for step := 0; len(w.ends[0].wrote)+len(w.ends[1].wrote) < total; step++ {
		for _, e := range w.ends { // packages, and receipts, live for two weeks
			if absent := e.away || e.engine == nil; !absent {
				e.seen = time.Now()
			} else if time.Since(e.seen) > 8*24*time.Hour {
				w.back(e)
				w.pass(time.Hour)
			}
		}
		e := w.ends[w.rng.IntN(2)]
		switch n := w.rng.IntN(20); {
		case e.engine == nil:
			e.start()
		case n < 9:
			for range 1 + w.rng.IntN(burst) {
				e.write(fmt.Sprintf("%s %d %s", e.name, len(e.wrote), strings.Repeat("x", w.rng.IntN(3*640))))
			}
		case n < 11:
			e.stop()
		case n < 14:
			e.crash()
			if w.rng.IntN(2) == 0 {
				e.start()
			}
		case n < 17:
			e.setAway(!e.away)
		case n < 18:
			w.part()
		default:
			if e.other().engine != nil {
				w.meet()
			}
		}
		w.pass(pauses[w.rng.IntN(len(pauses))])
		if step%10 == 0 {
			w.check()
		}
		w.t.Logf("%s step %d, %s: up %v %v, away %v %v, wrote %d %d", time.Now().Format(time.DateTime), step, e.name,
			w.ends[0].engine != nil, w.ends[1].engine != nil, w.ends[0].away, w.ends[1].away, len(w.ends[0].wrote), len(w.ends[1].wrote))
		if w.t.Failed() {
			return
		}
	}
	w.settle(20)
}

// liars has a part of the nodes say that they keep what they are given, and
// hold nothing. Those that take the place of others are honest.
func (w *world) liars(part float64) {
	for _, node := range w.mail.Nodes(dht.Wide) {
		if w.rng.Float64() < part {
			node.SetLie(forgetful)
		}
	}
}

var forgetful boxtest.Lie = func(ask, _ dht.Message) dht.Message {
	switch ask.(type) {
	case dht.Store:
		return dht.Stored{Result: dht.Kept, Until: uint32(time.Now().Add(14*24*time.Hour).Unix() / 3600)}
	case dht.Delete:
		return dht.Deleted{Result: dht.Kept}
	case dht.GetMany:
		return dht.Got{}
	case dht.Watch:
		return dht.Watching{Lease: 600}
	}
	return dht.Wanted{}
}

// TestNeverTogether is the story of the mailbox: the two are never up at the
// same time.
func TestNeverTogether(t *testing.T) {
	inWorld(t, 1, 60, func(w *world) {
		w.acquaint()
		for _, e := range w.ends {
			e.stop()
		}
		for day := range 6 {
			e := w.ends[day%2]
			e.start()
			e.write(fmt.Sprint("day ", day), fmt.Sprint("day ", day, ", later"))
			w.pass(10 * time.Minute)
			e.stop()
			w.pass(24*time.Hour - 20*time.Minute)
		}
		w.settle(1)
	})
}

// back has an end be up and on the network.
func (w *world) back(e *end) {
	if e.setAway(false); e.engine == nil {
		e.start()
	}
}

// withoutReceipts is a node that tells nobody of tombstones.
var withoutReceipts boxtest.Lie = func(_, answer dht.Message) dht.Message {
	stone := func(b []byte) bool { return len(b) == parcel.TombstoneSize }
	switch m := answer.(type) {
	case dht.Got:
		m.Packages = slices.DeleteFunc(m.Packages, stone)
		return m
	case dht.Notify:
		m.Packages = slices.DeleteFunc(slices.Clone(m.Packages), stone)
		return m
	case dht.Stored:
		if m.Result == dht.Gone {
			return dht.Stored{Result: dht.Full}
		}
	}
	return answer
}

// TestAckRides: who hears nothing of receipts, since no node keeps any, knows
// from the answer what has arrived.
func TestAckRides(t *testing.T) {
	inWorld(t, 2, 30, func(w *world) {
		w.acquaint()
		for _, node := range w.mail.Nodes(dht.Wide) {
			node.SetLie(withoutReceipts)
		}
		ann, bob := w.ends[0], w.ends[1]
		ann.write("one", "two "+strings.Repeat("x", 2000), "three")
		bob.awaitText("three")
		w.pass(time.Minute)
		if w.check() {
			w.t.Fatal("it is delivered, and there are no receipts")
		}
		bob.write("I have them")
		ann.awaitText("I have them")
		for _, m := range ann.wrote[1:] {
			ann.awaitState(m.ID, StateDelivered)
		}
		w.check()
	})
}
