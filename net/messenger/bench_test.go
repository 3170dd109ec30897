package messenger

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"time"

	"dione/crypto/identity"
	"dione/store"
)

// BenchmarkShown measures from a call of Send at one side to the event at the
// other, both durable, over loopback: the median, in durable commits of such a
// message in the same store, of which it needs two.
func BenchmarkShown(b *testing.B) {
	ann, bob := startEngine(b, b.TempDir(), "ann"), startEngine(b, b.TempDir(), "bob")
	meet(ann, bob)
	st, closeAll := openStore(b, b.TempDir())
	defer closeAll()
	var shown, commit []time.Duration
	for i := 0; b.Loop(); i++ {
		start := time.Now()
		commitOne(b, st, i)
		commit = append(commit, time.Since(start))

		text := fmt.Sprint(i, text256)
		start = time.Now()
		sent := ann.send(chatWith(bob), text)
		bob.awaitLast(text)
		shown = append(shown, time.Since(start))
		ann.awaitState(sent.ID, StateDelivered) // the next one begins at rest
	}
	b.ReportMetric(float64(median(shown).Microseconds()), "µs-shown")
	b.ReportMetric(float64(median(commit).Microseconds()), "µs-commit")
	b.ReportMetric(float64(median(shown))/float64(median(commit)), "commits")
}

// commitOne makes one message durable, as a sender does.
func commitOne(b *testing.B, st *store.Store, i int) {
	b.Helper()
	to := identity.ID{1}
	msg := Message{Chat: Chat{Peer: to}, From: identity.ID{2}, Mine: true, Sent: time.Now(), Arrived: time.Now(), State: StateQueued, Text: text256}
	binary.BigEndian.PutUint64(msg.ID[:], uint64(i))
	err := st.Update(context.Background(), func(tx *store.Tx) error {
		if _, err := tx.AddMessage(&msg); err != nil {
			return err
		}
		return tx.Enqueue(msg, []identity.ID{to}, []byte(text256), time.Time{})
	})
	if err != nil {
		b.Fatal(err)
	}
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// BenchmarkBurst measures messages a second, one way, from the first Submit
// to the last delivered, durable at both ends; both engines share the cores.
func BenchmarkBurst(b *testing.B) {
	ann, bob := startEngine(b, b.TempDir(), "ann"), startEngine(b, b.TempDir(), "bob")
	meet(ann, bob)
	const size = 5000
	start := time.Now()
	for b.Loop() {
		var last <-chan Result
		for range size {
			last = ann.Submit(context.Background(), chatWith(bob), text256)
		}
		r := <-last
		if r.Err != nil {
			b.Fatal(r.Err)
		}
		ann.awaitState(r.Message.ID, StateDelivered)
	}
	b.ReportMetric(float64(size*b.N)/time.Since(start).Seconds(), "messages/s")
}

var text256 = string(make256())

func make256() []byte {
	text := make([]byte, 256)
	for i := range text {
		text[i] = 'a' + byte(i%26)
	}
	return text
}

// awaitLast waits until text is the newest message that e was told of.
func (e *engine) awaitLast(text string) {
	for {
		told, changed := e.events()
		for i := len(told) - 1; i >= max(0, len(told)-4); i-- {
			if ev, ok := told[i].(MessageReceived); ok && ev.Message.Text == text {
				return
			}
		}
		<-changed
	}
}
