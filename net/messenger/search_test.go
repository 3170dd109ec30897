package messenger

import (
	"errors"
	"slices"
	"testing"
)

func (e *engine) find(query string) (texts []string) {
	e.t.Helper()
	found, err := e.Search(e.t.Context(), query, 0, 100)
	if err != nil {
		e.t.Errorf("%s: search for %q: %v", e.name, query, err)
	}
	for _, h := range found.Hits {
		texts = append(texts, h.Message.Text)
	}
	return texts
}

// What was said is found at both ends, by what people call each other.
func TestSearch(t *testing.T) {
	ann, bob := startEngine(t, t.TempDir(), "ann"), startEngine(t, t.TempDir(), "bob")
	meet(ann, bob)
	ann.send(Room, "Is the build green?")
	bob.awaitText("Is the build green?")
	ann.send(chatWith(bob), "the build, in private")
	bob.awaitText("the build, in private")
	bob.send(chatWith(ann), "building since noon")
	ann.awaitText("building since noon")

	if err := ann.SetPetname(t.Context(), bob.Self().ID, "bobby"); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		e     *engine
		query string
		want  []string
	}{
		{ann, "build", []string{"building since noon", "the build, in private", "Is the build green?"}},
		{ann, `"the build"`, []string{"the build, in private", "Is the build green?"}},
		{ann, "build from:bobby", []string{"building since noon"}},
		{ann, "from:bob." + bob.Self().Tag, []string{"building since noon"}},
		{ann, "build from:me in:#lan", []string{"Is the build green?"}},
		{ann, "in:bobby on:today", []string{"building since noon", "the build, in private"}},
		{ann, "from:" + bob.Self().ID.String() + " green", nil},
		{ann, "build before:today", nil},
		{bob, "build from:ann in:ann", []string{"the build, in private"}},
		{bob, "from:Me", []string{"building since noon"}},
	} {
		if got := tt.e.find(tt.query); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q finds %q, want %q", tt.e.name, tt.query, got, tt.want)
		}
	}

	page, err := ann.Search(t.Context(), "build", 0, 2)
	if err != nil || len(page.Hits) != 2 || page.Next == 0 {
		t.Fatalf("first page: %d hits, next %d, %v", len(page.Hits), page.Next, err)
	}
	if page, err = ann.Search(t.Context(), "build", page.Next, 2); err != nil || len(page.Hits) != 1 || page.Next != 0 {
		t.Errorf("second page: %d hits, next %d, %v", len(page.Hits), page.Next, err)
	}

	var unknown *UnknownPersonError
	if _, err := ann.Search(t.Context(), "from:bob2 build", 0, 1); !errors.As(err, &unknown) {
		t.Errorf("from a stranger: %v", err)
	}
	if _, err := ann.Search(t.Context(), "build in:me", 0, 1); !errors.Is(err, ErrSelf) {
		t.Errorf("in the chat with oneself: %v", err)
	}
	var odd *QueryError
	if _, err := ann.Search(t.Context(), "after:soon", 0, 1); !errors.As(err, &odd) {
		t.Errorf("a date that is none: %v", err)
	}

	// Without a network, and after a restart.
	bob.stop()
	idle := openIdle(t, bob.dir)
	if found, err := idle.Search(t.Context(), "green from:ann", 0, 10); err != nil || len(found.Hits) != 1 {
		t.Errorf("idle: %+v, %v", found, err)
	}
}
