package store

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"dione/crypto/identity"
)

// does is a change of a message by somebody.
func does(kind Kind, by Message, to Ref, text string) Message {
	if by.Mine && by.State == StateQueued {
		by.State = StateDelivered
	}
	by.Kind, by.Target, by.Text = kind, to, text
	return by
}

// keep stores messages of any kind.
func keep(t testing.TB, s *Store, all ...Message) {
	t.Helper()
	update(t, s, func(tx *Tx) error {
		for _, m := range all {
			if err := keepOne(tx, m); err != nil {
				return err
			}
		}
		return nil
	})
}

func keepOne(tx *Tx, m Message) (err error) {
	if m.Kind == KindText {
		_, err = tx.AddMessage(&m)
	} else {
		_, _, _, err = tx.AddChange(&m)
	}
	return err
}

func refOf(m Message) Ref { return Ref{m.ID, m.From} }

// only returns the one message of a chat.
func only(t testing.TB, s *Store, in Chat) Message {
	t.Helper()
	all := history(t, s, in)
	if len(all) != 1 {
		t.Fatalf("%d messages, want one", len(all))
	}
	return all[0]
}

func TestChanges(t *testing.T) {
	s := testStore(t)
	in := Chat{Peer: bob}
	said := theirs(in, bob, 1, "did the bild pass?")
	keep(t, s, said)
	for _, step := range []struct {
		name string
		m    Message
		want Message
	}{
		{"a reaction", does(KindReaction, mine(in, ""), refOf(said), "👍"),
			Message{Text: said.Text, Reactions: []Reaction{{self, true, "👍"}}}},
		{"another one", does(KindReaction, mine(in, ""), refOf(said), "🎉"),
			Message{Text: said.Text, Reactions: []Reaction{{self, true, "🎉"}}}},
		{"somebody else's", does(KindReaction, theirs(in, bob, 2, ""), refOf(said), "🙈"),
			Message{Text: said.Text, Reactions: []Reaction{{bob, false, "🙈"}, {self, true, "🎉"}}}},
		{"taken away", does(KindReaction, mine(in, ""), refOf(said), ""),
			Message{Text: said.Text, Reactions: []Reaction{{bob, false, "🙈"}}}},
		{"a correction", does(KindCorrection, theirs(in, bob, 4, ""), refOf(said), "did the build pass?"),
			Message{Text: "did the build pass?", Edited: at, Reactions: []Reaction{{bob, false, "🙈"}}}},
		{"one before it", does(KindCorrection, theirs(in, bob, 3, ""), refOf(said), "did the buld pass?"),
			Message{Text: "did the build pass?", Edited: at, Reactions: []Reaction{{bob, false, "🙈"}}}},
		{"a deletion", does(KindDeletion, theirs(in, bob, 5, ""), refOf(said), ""),
			Message{Deleted: true, Reactions: []Reaction{{bob, false, "🙈"}}}},
		{"a correction of what is deleted", does(KindCorrection, theirs(in, bob, 6, ""), refOf(said), "back"),
			Message{Deleted: true, Reactions: []Reaction{{bob, false, "🙈"}}}},
	} {
		if step.m.Kind == KindDeletion {
			view(t, s, func(tx *Tx) error {
				all, err := tx.Versions(in, bob, said.ID)
				if len(all) != 3 || all[0].Text != said.Text || all[1].Text != "did the buld pass?" || all[2].Text != "did the build pass?" {
					t.Errorf("versions: %+v", all)
				}
				return err
			})
		}
		keep(t, s, step.m, step.m)
		got := only(t, s, in)
		slices.SortFunc(got.Reactions, func(a, b Reaction) int { return strings.Compare(a.Text, b.Text) })
		slices.SortFunc(step.want.Reactions, func(a, b Reaction) int { return strings.Compare(a.Text, b.Text) })
		if got.Text != step.want.Text || !got.Edited.Equal(step.want.Edited) || got.Deleted != step.want.Deleted ||
			!reflect.DeepEqual(got.Reactions, step.want.Reactions) {
			t.Errorf("%s: %+v, want %+v", step.name, got, step.want)
		}
	}
	view(t, s, func(tx *Tx) error {
		info, err := tx.ChatInfo(in)
		if info.Unread != 1 || info.Last.ID != said.ID {
			t.Errorf("roster: %+v", info)
		}
		all, err2 := tx.After(0, 100)
		if len(all) != 9 || all[8].Text != "" {
			t.Errorf("%d messages of every kind; the last: %q", len(all), all[len(all)-1].Text)
		}
		versions, err3 := tx.Versions(in, bob, said.ID)
		if len(versions) != 0 {
			t.Errorf("versions of what is deleted: %v", versions)
		}
		return errors.Join(err, err2, err3)
	})
	for _, word := range []string{"bild", "buld", "build", "back", "pass"} {
		if found := find(t, s, wanted(t, word)); len(found.Hits) > 0 {
			t.Errorf("%s is still found", word)
		}
	}
	wantConsistent(t, s)
}

// What is not the author's to change stays as it is, and so does what is no
// text.
func TestChangesRefused(t *testing.T) {
	s := testStore(t)
	said := theirs(Room, bob, 1, "mine alone")
	like := does(KindReaction, theirs(Room, carol, 1, ""), refOf(said), "👍")
	keep(t, s, said, like,
		does(KindCorrection, theirs(Room, carol, 2, ""), Ref{said.ID, carol}, "hers"),
		does(KindDeletion, theirs(Room, carol, 3, ""), Ref{said.ID, carol}, ""),
		does(KindReaction, theirs(Room, bob, 2, ""), refOf(like), "👎"),
		does(KindCorrection, theirs(Room, carol, 4, ""), refOf(like), "👎"),
		does(KindDeletion, theirs(Room, carol, 5, ""), refOf(like), ""),
		does(KindDeletion, theirs(Chat{Peer: bob}, bob, 1, ""), refOf(said), ""))
	if got := only(t, s, Room); got.Text != "mine alone" || got.Deleted || len(got.Reactions) != 1 {
		t.Errorf("%+v", got)
	}
	for name, m := range map[string]Message{
		"somebody else's":      does(KindCorrection, theirs(Room, carol, 6, ""), refOf(said), "x"),
		"nobody's":             does(KindReaction, theirs(Room, carol, 6, ""), Ref{ID: said.ID}, "x"),
		"nothing":              does(KindReaction, theirs(Room, carol, 6, ""), Ref{From: bob}, "x"),
		"a long reaction":      does(KindReaction, theirs(Room, carol, 6, ""), refOf(said), strings.Repeat("x", MaxReaction+1)),
		"a deletion with text": does(KindDeletion, theirs(Room, bob, 6, ""), refOf(said), "x"),
		"another kind":         does(KindDeletion+1, theirs(Room, bob, 6, ""), refOf(said), ""),
	} {
		if err := s.Update(t.Context(), func(tx *Tx) error { return keepOne(tx, m) }); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	wantConsistent(t, s)
}

// A change of ours that fails is undone, but for a deletion.
func TestFailedChanges(t *testing.T) {
	s := testStore(t)
	in := Chat{Peer: bob}
	m := enqueue(t, s, in, "first", bob)
	change := func(kind Kind, text string) Message {
		c := does(kind, mine(in, ""), refOf(m), text)
		c.State = StateQueued
		update(t, s, func(tx *Tx) error {
			_, _, _, err := tx.AddChange(&c)
			return errors.Join(err, tx.Enqueue(c, []identity.ID{bob}, []byte(text), time.Time{}))
		})
		return c
	}
	one, two, like := change(KindCorrection, "second"), change(KindCorrection, "third"), change(KindReaction, "👍")
	cancel := func(c Message) error {
		return s.Update(t.Context(), func(tx *Tx) error {
			_, _, err := tx.Cancel(in, c.ID)
			return err
		})
	}
	if got := only(t, s, in); got.Text != "third" || len(got.Reactions) != 1 {
		t.Fatalf("%+v", got)
	}
	if err := errors.Join(cancel(two), cancel(like)); err != nil {
		t.Fatal(err)
	}
	if got := only(t, s, in); got.Text != "second" || len(got.Reactions) != 0 {
		t.Errorf("one correction is cancelled: %+v", got)
	}
	if err := cancel(one); err != nil {
		t.Fatal(err)
	}
	if got := only(t, s, in); got.Text != "first" || !got.Edited.IsZero() {
		t.Errorf("both are cancelled: %+v", got)
	}
	if hits := find(t, s, wanted(t, "first")).Hits; len(hits) != 1 {
		t.Errorf("%d hits", len(hits))
	}
	gone := change(KindDeletion, "")
	if err := cancel(gone); !errors.Is(err, ErrDeletion) {
		t.Errorf("a deletion is cancelled: %v", err)
	}
	if got := only(t, s, in); !got.Deleted {
		t.Errorf("%+v", got)
	}
	wantConsistent(t, s)
}

func TestQuotes(t *testing.T) {
	s := testStore(t)
	said := theirs(Room, bob, 1, strings.Repeat("ä", 300))
	answer := theirs(Room, carol, 1, "yes")
	answer.Target = refOf(said)
	keep(t, s, answer)
	if q := only(t, s, Room).ReplyTo; q == nil || q.Known || q.Ref != refOf(said) {
		t.Errorf("what is not here is quoted: %+v", q)
	}
	keep(t, s, said)
	quote := func() *Quote { return history(t, s, Room)[0].ReplyTo }
	if q := quote(); !q.Known || q.Text != strings.Repeat("ä", 150) || q.Deleted {
		t.Errorf("quote: %+v", q)
	}
	keep(t, s, does(KindDeletion, theirs(Room, bob, 2, ""), refOf(said), ""))
	if q := quote(); !q.Known || q.Text != "" || !q.Deleted {
		t.Errorf("what is deleted is quoted: %+v", q)
	}
}

func TestMentions(t *testing.T) {
	s := testStore(t)
	named := func(m Message) Message { m.Mentioned = true; return m }
	said := named(theirs(Room, bob, 1, "ann?"))
	keep(t, s, said, theirs(Room, bob, 2, "nobody"), named(theirs(Room, bob, 3, "ann!")))
	want := func(n int) {
		t.Helper()
		view(t, s, func(tx *Tx) error {
			info, err := tx.ChatInfo(Room)
			if info.Mentions != n {
				t.Errorf("%d mentions, want %d", info.Mentions, n)
			}
			return err
		})
		wantConsistent(t, s)
	}
	want(2)
	keep(t, s, does(KindCorrection, theirs(Room, bob, 4, ""), refOf(said), "eve?"))
	want(1)
	keep(t, s, named(does(KindCorrection, theirs(Room, bob, 5, ""), refOf(said), "ann or eve?")))
	want(2)
	update(t, s, func(tx *Tx) error { _, err := tx.MarkRead(Room, 1); return err })
	want(1)
	keep(t, s, does(KindDeletion, theirs(Room, bob, 6, ""), refOf(said), ""))
	want(1)
	update(t, s, func(tx *Tx) error { _, err := tx.MarkRead(Room, 99); return err })
	want(0)
}

// A message that is deleted is erased, even for one who has the key of the
// pages: all that it ever said, its words, and what still waited to be sent.
func TestDeletedIsErased(t *testing.T) {
	p, s := testProfile(t, t.TempDir())
	key := *p.key
	in := Chat{Peer: bob}
	fillStore(t, s, 100, []identity.ID{bob, carol})
	said := theirs(in, bob, 1000, "unutterable secret")
	keep(t, s, said,
		does(KindCorrection, theirs(in, bob, 1001, ""), refOf(said), "ineffable secret"),
		does(KindCorrection, theirs(in, bob, 1002, ""), refOf(said), "indescribable secret"))
	own := enqueue(t, s, in, "unspeakable secret", bob)
	has := func() (n int) {
		if err := s.db.checkpoint(); err != nil {
			t.Fatal(err)
		}
		all := pages(t, s, key)
		for _, word := range []string{"nutterabl", "neffabl", "ndescribabl", "nspeakabl"} {
			if bytes.Contains(all, []byte(word)) {
				n++
			}
		}
		return n
	}
	if n := has(); n != 4 {
		t.Errorf("%d of 4 words are there: the search is wrong", n)
	}
	keep(t, s, does(KindDeletion, theirs(in, bob, 1003, ""), refOf(said), ""),
		does(KindCorrection, theirs(in, bob, 1004, ""), refOf(said), "unutterable indescribable secret"),
		does(KindDeletion, mine(in, ""), refOf(own), ""))
	update(t, s, func(tx *Tx) error { return tx.Resend(own, []byte("void")) })
	if n := has(); n != 0 {
		t.Errorf("%d words are still there", n)
	}
	if out := outbox(t, s, bob, 0, 1); len(out) != 0 {
		view(t, s, func(tx *Tx) error {
			rows, err := tx.Unsealed(bob, 0, 1)
			if string(rows[0].Payload) != "void" {
				t.Errorf("what is sent: %q", rows[0].Payload)
			}
			return err
		})
	}
	closeAll(t, p, s)
}

// story makes what some people write in the room, each in their order.
func story(rnd *rand.Rand) (all []Message) {
	people := []identity.ID{self, bob, carol, person(3)}
	seqs := make(map[identity.ID]uint64)
	var texts []Message
	for i := range 60 {
		from := people[rnd.IntN(len(people))]
		seqs[from] += uint64(1 + rnd.IntN(2))
		m := theirs(Room, from, seqs[from], fmt.Sprint("text ", i))
		m.Sent, m.Mentioned = at.Add(time.Duration(i)*time.Second), rnd.IntN(4) == 0
		if from == self {
			m.Mine, m.State, m.Path, m.Mentioned = true, []State{StateFailed, StateDelivered}[rnd.IntN(2)], PathNone, false
		}
		if len(texts) < 5 || rnd.IntN(4) == 0 {
			if len(texts) > 0 && rnd.IntN(2) == 0 {
				m.Target = refOf(texts[rnd.IntN(len(texts))])
			}
			texts = append(texts, m)
			all = append(all, m)
			continue
		}
		to := refOf(all[rnd.IntN(len(all))])
		switch rnd.IntN(6) {
		case 0:
			to.From = from // perhaps of what somebody else wrote
			m = does(KindDeletion, m, to, "")
			m.Mentioned = false
		case 1, 2:
			to.From = from
			m = does(KindCorrection, m, to, fmt.Sprint("correction ", i))
		default:
			m = does(KindReaction, m, to, []string{"", "👍", "🎉"}[rnd.IntN(3)])
			m.Mentioned = false
		}
		all = append(all, m)
	}
	return all
}

// said is what a story comes to.
type said struct {
	text      string
	edited    int64
	deleted   bool
	mentioned bool
	reactions map[identity.ID]string
	answers   Ref
}

// told works out what a story comes to, whatever the order in which it came.
func told(all []Message) map[Ref]said {
	want := make(map[Ref]said)
	for _, m := range all {
		if m.Kind == KindText {
			want[refOf(m)] = said{m.Text, 0, false, m.Mentioned, make(map[identity.ID]string), m.Target}
		}
	}
	inOrder := slices.Clone(all)
	slices.SortStableFunc(inOrder, func(a, b Message) int { return int(a.Seq) - int(b.Seq) })
	for _, m := range inOrder {
		w, ok := want[m.Target]
		if !ok || m.State == StateFailed && m.Kind != KindDeletion {
			continue
		}
		switch m.Kind {
		case KindReaction:
			if delete(w.reactions, m.From); m.Text != "" {
				w.reactions[m.From] = m.Text
			}
		case KindCorrection:
			w.text, w.edited, w.mentioned = m.Text, m.Sent.UnixMilli(), m.Mentioned
		case KindDeletion:
			w.deleted = true
		}
		want[m.Target] = w
	}
	for ref, w := range want {
		if w.deleted {
			w.text, w.edited, w.mentioned = "", 0, false
			want[ref] = w
		}
	}
	return want
}

// wantTold checks that the room is what a story comes to.
func wantTold(t testing.TB, s *Store, all []Message) {
	t.Helper()
	want := told(all)
	got := history(t, s, Room)
	if len(got) != len(want) {
		t.Errorf("%d lines, want %d", len(got), len(want))
	}
	for _, m := range got {
		g := said{m.Text, msOf(m.Edited), m.Deleted, m.Mentioned, make(map[identity.ID]string), m.Target}
		for _, r := range m.Reactions {
			if g.reactions[r.From] = r.Text; r.Mine != (r.From == self) {
				t.Errorf("a reaction of %s is mine: %t", r.From.Short(), r.Mine)
			}
		}
		if w := want[refOf(m)]; !reflect.DeepEqual(g, w) {
			t.Errorf("%s %d: %+v, want %+v", m.From.Short(), m.Seq, g, w)
		}
		if q := m.ReplyTo; q != nil && (q.Text != want[q.Ref].text || q.Deleted != want[q.Ref].deleted) {
			t.Errorf("quoted: %+v, want %+v", *q, want[q.Ref])
		}
		if hits := find(t, s, Wanted{Phrases: []Phrase{{Words: strings.Fields(m.Text + " x")[:1]}}}).Hits; !m.Deleted &&
			!slices.ContainsFunc(hits, func(h Hit) bool { return h.Message.Row == m.Row }) {
			t.Errorf("%q is not found", m.Text)
		}
	}
	for _, old := range all {
		if old.Text == "" || old.Kind == KindReaction {
			continue
		}
		words := strings.Fields(old.Text)
		for _, h := range find(t, s, Wanted{Phrases: []Phrase{{Words: words}}}).Hits {
			if h.Message.Text != old.Text {
				t.Errorf("%q is found as %q", old.Text, h.Message.Text)
			}
		}
	}
	wantConsistent(t, s)
}

// However messages and changes come, they come to the same.
func TestChangesInAnyOrder(t *testing.T) {
	for seed := range uint64(rounds(8, 200)) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		all := story(rnd)
		p, s := testProfile(t, t.TempDir())
		come := slices.Clone(all)
		rnd.Shuffle(len(come), func(i, j int) { come[i], come[j] = come[j], come[i] })
		for len(come) > 0 {
			n := min(len(come), 1+rnd.IntN(5))
			keep(t, s, append(come[:n:n], all[rnd.IntN(len(all))])...) // and one perhaps again
			come = come[n:]
		}
		wantTold(t, s, all)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
		closeAll(t, p, s)
	}
}

// What was changed is so in a profile out of a backup, too.
func TestChangesRestored(t *testing.T) {
	_, s := testProfile(t, t.TempDir())
	fillProfile(t, s)
	before := history(t, s, Room)
	all := story(rand.New(rand.NewPCG(1, 2)))
	for i := range all {
		if all[i].Mine {
			all[i].State = StateDelivered
		}
		all[i].Seq += 1000
	}
	keep(t, s, all...)
	path, dir := filepath.Join(t.TempDir(), "backup"), t.TempDir()
	exportTo(t, s, path)
	if _, err := importFrom(t.Context(), dir, path, backupPass, nil); err != nil {
		t.Fatal(err)
	}
	p2, s2 := testProfile(t, dir)
	was, now := history(t, s, Room), history(t, s2, Room)
	if len(now) != len(was) || len(now) <= len(before) {
		t.Fatalf("%d lines, before %d", len(now), len(was))
	}
	for i := range now {
		now[i].Row, was[i].Row = 0, 0
		if !reflect.DeepEqual(now[i], was[i]) && was[i].State != StateQueued && was[i].State != StateStored {
			t.Errorf("restored as %+v, was %+v", now[i], was[i])
		}
	}
	wantConsistent(t, s2)
	closeAll(t, p2, s2)
}
