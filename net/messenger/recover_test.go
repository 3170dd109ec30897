package messenger

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dione/store"
)

// backUp makes a backup of the profile in dir.
func backUp(t *testing.T, dir string) (file string) {
	t.Helper()
	st, closeAll := openStore(t, dir)
	defer closeAll()
	file = filepath.Join(t.TempDir(), "backup")
	if err := st.ExportFile(t.Context(), file, []byte("p"), nil); err != nil {
		t.Fatal(err)
	}
	return file
}

// restore makes a profile out of a backup.
func restore(t *testing.T, file string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	b, err := store.OpenBackup(file)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := b.Unlock(t.Context(), []byte("p"), nil); err != nil {
		t.Fatal(err)
	}
	p, err := store.OpenProfile(dir)
	if err != nil {
		t.Fatal(err)
	}
	key, err := p.Unlock(nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = store.Import(t.Context(), p, key, b, nil)
	if err := errors.Join(err, p.Close()); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestRestored goes on from a backup of one side: both are told, what waited
// in it arrives, what had arrived since comes no second time, and they talk on
// in a new session.
func TestRestored(t *testing.T) {
	annDir, bobDir := t.TempDir(), t.TempDir()
	ann, bob := startEngine(t, annDir, "ann"), startEngine(t, bobDir, "bob")
	meet(ann, bob)
	exchange(ann, bob, "before")
	bob.stop()
	ann.awaitGone(bob)
	for i := range 3 {
		ann.send(chatWith(bob), fmt.Sprint("waits ", i))
	}
	ann.stop()
	file := backUp(t, annDir)

	// Since then the three arrive, and more is written.
	ann, bob = startEngine(t, annDir, "ann"), startEngine(t, bobDir, "bob")
	meet(ann, bob)
	bob.awaitText("waits 2")
	exchange(ann, bob, "since")
	former := bob.sessionsWith(ann.Self().ID)[0]
	ann.stop()
	bob.awaitGone(ann)
	toAnn := bob.send(chatWith(ann), "bob writes meanwhile")

	annDir = restore(t, file)
	ann = startEngine(t, annDir, "ann")
	const told = "this profile is that of a backup"
	await(ann, "being told", func(ev Notice) bool { return strings.HasPrefix(ev.Text, told) && ev.Hint != "" })
	if waiting, err := ann.Outbox(t.Context()); len(waiting) != 3 || err != nil {
		t.Errorf("%d messages wait in the restored profile, %v", len(waiting), err)
	}
	toBob := ann.send(chatWith(bob), "ann writes out of the backup")
	meet(ann, bob)
	ann.awaitText("bob writes meanwhile")
	got := bob.awaitText("ann writes out of the backup")
	if got.Message.Late {
		t.Error("what ann wrote out of the backup stands among what she wrote before")
	}
	ann.awaitState(toBob.ID, StateDelivered)
	bob.awaitState(toAnn.ID, StateDelivered)
	exchange(ann, bob, "after")
	await(bob, "being told", func(ev Notice) bool { return strings.Contains(ev.Text, "set up anew: their profile") })

	want := []string{"before", "before back", "waits 0", "waits 1", "waits 2", "since", "since back",
		"bob writes meanwhile", "ann writes out of the backup", "after", "after back"}
	texts := bob.texts(chatWith(ann))
	slices.Sort(want)
	slices.Sort(texts)
	if !slices.Equal(texts, want) {
		t.Errorf("bob has %q, want %q", texts, want)
	}
	if waiting, err := ann.Outbox(t.Context()); len(waiting) != 0 || err != nil {
		t.Errorf("%d messages wait, %v", len(waiting), err)
	}
	for _, e := range []*engine{ann, bob} {
		other := map[*engine]*engine{ann: bob, bob: ann}[e]
		if now := e.sessionsWith(other.Self().ID)[0]; now.SID == former.SID || now.Gen <= former.Gen {
			t.Errorf("%s: the session of generation %d goes on as %d", e.name, former.Gen, now.Gen)
		}
	}

	// The next time nobody is told, and nothing of the backup is left.
	ann.stop()
	bob.awaitGone(ann)
	ann = startEngine(t, annDir, "ann")
	meet(ann, bob)
	exchange(ann, bob, "again")
	if n := count(ann, func(ev Notice) bool { return strings.HasPrefix(ev.Text, told) }); n != 0 {
		t.Error("ann is told again")
	}
	for _, s := range ann.sessionsWith(bob.Self().ID) {
		if s.State == nil {
			t.Errorf("the session of generation %d has no state and is still kept", s.Gen)
		}
	}
}
