package messenger

import (
	"context"
	"fmt"
	"testing"
	"time"

	"dione/store"
)

// BenchmarkShown measures from a call of Send at one side to the event at the
// other, both durable, over loopback. The baseline is what it cannot beat
// twice: one durable commit of a message in the same store.
func BenchmarkShown(b *testing.B) {
	b.Run("commit", func(b *testing.B) {
		st, closeAll := openStore(b, b.TempDir())
		defer closeAll()
		chat := Chat{Peer: [32]byte{1}}
		for i := 0; b.Loop(); i++ {
			msg := Message{Chat: chat, From: chat.Peer, Seq: uint64(i + 1), Sent: time.Now(), Arrived: time.Now(), Text: text256}
			msg.ID[0], msg.ID[1], msg.ID[2] = byte(i), byte(i>>8), byte(i>>16)
			err := st.Update(context.Background(), func(tx *store.Tx) error {
				_, err := tx.AddMessage(&msg)
				return err
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("shown", func(b *testing.B) {
		ann, bob := startEngine(b, b.TempDir(), "ann"), startEngine(b, b.TempDir(), "bob")
		meet(ann, bob)
		for i := 0; b.Loop(); i++ {
			text := fmt.Sprint(i, text256)
			ann.send(chatWith(bob), text)
			bob.awaitLast(text)
		}
	})
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
