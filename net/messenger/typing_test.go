package messenger

import (
	"testing"
	"time"
)

// TestTyping tells who writes, to those who are there and want to know: for a
// while, or until what they wrote comes.
func TestTyping(t *testing.T) {
	inWorld(t, 1, 20, func(w *world) {
		ann, bob := w.ends[0], w.ends[1]
		w.acquaint()
		w.meet()
		ctx := w.t.Context()
		told := func(on bool) int {
			return count(bob.engine, func(ev PersonTyping) bool { return ev.Person.ID == ann.id && ev.Typing == on })
		}
		writes := func(chat Chat) {
			w.t.Helper()
			if err := ann.Typing(ctx, chat); err != nil {
				w.t.Fatal(err)
			}
			w.pass(time.Second)
		}
		writes(ann.chat())
		for _, e := range w.ends {
			if told(true) > 0 {
				w.t.Error("it is told though nobody wants it")
			}
			if err := e.SetTyping(ctx, true); err != nil {
				w.t.Fatal(err)
			}
		}
		for range 20 { // for 20 seconds
			writes(ann.chat())
		}
		if on, off := told(true), told(false); on != 1 || off != 0 {
			w.t.Errorf("told of it %d times, and of its end %d times", on, off)
		}
		w.pass(typingTime)
		if off := told(false); off != 1 {
			w.t.Errorf("told of its end %d times", off)
		}
		w.pass(typingEvery)
		writes(ann.chat())
		ann.write("there")
		bob.awaitText("there")
		w.pass(time.Second)
		if on, off := told(true), told(false); on != 2 || off != 2 {
			w.t.Errorf("told of it %d times, and of its end %d times", on, off)
		}
		w.part()
		w.pass(time.Minute)
		writes(ann.chat())
		w.pass(time.Hour)
		if on := told(true); on != 2 {
			w.t.Errorf("told of it %d times, once while they were apart", on)
		}
	})
}
