package messenger

import (
	"context"
	"slices"
	"testing"
)

// A draft is there after a restart, until its text is sent; keeping one works
// while the engine is stopped, too.
func TestDrafts(t *testing.T) {
	dir := t.TempDir()
	ann := startEngine(t, dir, "ann")
	bob := startEngine(t, t.TempDir(), "bob")
	meet(ann, bob)
	want := []Draft{{Chat: Room, Text: "to all"}, {Chat: chatWith(bob), Text: "to bob\n"}}
	for _, d := range want {
		if err := ann.SetDraft(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	ann.stop()
	ann = startEngine(t, dir, "ann")
	if got, err := ann.Drafts(t.Context()); err != nil || !slices.Equal(got, want) {
		t.Errorf("drafts are %+v, %v", got, err)
	}
	ann.send(chatWith(bob), "to bob")
	if got, err := ann.Drafts(t.Context()); err != nil || !slices.Equal(got, want[:1]) {
		t.Errorf("drafts are %+v, %v", got, err)
	}

	st, closeStore := openStore(t, t.TempDir())
	defer closeStore()
	m, err := New(Config{NoLAN: true}, st)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if err := m.SetDraft(t.Context(), want[0]); err != nil {
		t.Errorf("a draft of a stopped engine: %v", err)
	}
}
