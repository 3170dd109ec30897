package messenger

import (
	"errors"
	"testing"

	"dione/crypto/identity"
)

func TestResolve(t *testing.T) {
	id := func(n byte) identity.ID { return identity.ID{n} }
	person := func(n byte, claimed, petname string) Person {
		name := petname
		if name == "" {
			name = claimed
		}
		return Person{ID: id(n), Name: name, Claimed: claimed, Petname: petname, Tag: id(n).Tag()}
	}
	ann, bob, other := person(1, "ann", ""), person(2, "bob", ""), person(3, "bob", "")
	dear := person(4, "a.dotted.name", "bob-of-work")
	shadow := person(5, "shadow", "ann2")
	people := []Person{ann, bob, other, dear, shadow}
	self := id(9)

	for _, tt := range []struct {
		name string
		want identity.ID
	}{
		{"ann", ann.ID},
		{" ann ", ann.ID},
		{ann.ID.String(), ann.ID},
		{"bob·" + bob.Tag, bob.ID},
		{"bob ·" + other.Tag, other.ID},
		{"bob." + other.Tag, other.ID},
		{"bob·" + other.ID.LongTag(), other.ID},
		{"a.dotted.name", dear.ID},
		{"a.dotted.name." + dear.Tag, dear.ID},
		{"bob-of-work", dear.ID},
		{bob.Tag, bob.ID},
		{"·" + bob.Tag, bob.ID},
		{"ann2", shadow.ID},
	} {
		if got, err := resolve(people, self, tt.name); err != nil || got.ID != tt.want {
			t.Errorf("resolve(%q) = %v, %v, want %v", tt.name, got, err, tt.want)
		}
	}
	var ambiguous *AmbiguousError
	if _, err := resolve(people, self, "bob"); !errors.As(err, &ambiguous) || len(ambiguous.Candidates) != 2 {
		t.Errorf("resolve(bob) = %v, want two candidates", err)
	}
	var unknown *UnknownPersonError
	for _, name := range []string{"nobody", "", ".", "·", id(7).String()} {
		if _, err := resolve(people, self, name); !errors.As(err, &unknown) {
			t.Errorf("resolve(%q) = %v, want an UnknownPersonError", name, err)
		}
	}
	if _, err := resolve(people, self, self.String()); !errors.Is(err, ErrSelf) {
		t.Errorf("resolve(own ID) = %v, want ErrSelf", err)
	}
}
