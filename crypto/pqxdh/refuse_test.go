package pqxdh

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"

	"dione/crypto/identity"
)

// TestSizes: the limits are the lengths of the longest encodings, not more.
func TestSizes(t *testing.T) {
	s := newSetUp(t)
	in := s.intro
	in.Gen, in.Day0 = 1<<64-1, 1<<32-1
	for _, tt := range []struct {
		name      string
		got, want int
	}{
		{"bundle", len(s.bundle.Encode()), MaxBundle},
		{"secrets", len(s.secrets.Encode()), MaxSecrets},
		{"intro", len(in.Encode()), MaxIntro},
	} {
		if tt.got != tt.want {
			t.Errorf("%s of %d bytes, want %d", tt.name, tt.got, tt.want)
		}
	}
}

// TestDecodersRefuse cuts, lengthens and changes the form of each encoding.
func TestDecodersRefuse(t *testing.T) {
	s := newSetUp(t)
	for name, d := range map[string]struct {
		good   []byte
		decode func([]byte) error
	}{
		"bundle":  {s.bundle.Encode(), func(b []byte) error { _, err := DecodeBundle(b); return err }},
		"intro":   {s.intro.Encode(), func(b []byte) error { _, err := DecodeIntro(b); return err }},
		"secrets": {s.secrets.Encode(), func(b []byte) error { _, err := DecodeSecrets(b); return err }},
	} {
		if err := d.decode(d.good); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for i := range d.good {
			if d.decode(d.good[:i]) == nil {
				t.Errorf("%s: %d bytes of %d were taken", name, i, len(d.good))
			}
		}
		more := bytes.Clone(d.good)
		more[0]++ // one pair more
		indefinite := append([]byte{0xbf}, append(bytes.Clone(d.good[1:]), 0xff)...)
		for form, b := range map[string][]byte{
			"a byte more":         append(bytes.Clone(d.good), 0),
			"an unknown field":    append(more, 0x0c, 0x00),
			"a field twice":       append(bytes.Clone(more), d.good[1:12]...),
			"a long key":          append([]byte{d.good[0], 0x18}, d.good[1:]...),
			"an indefinite map":   indefinite,
			"an array":            append([]byte{d.good[0] - 0x20}, d.good[1:]...),
			"nothing":             nil,
			"null":                {0xf6},
			"an empty map":        {0xa0},
			"far too much":        make([]byte, 1<<16),
			"a length of 2^63":    {0xa1, 0x01, 0x5b, 0x80, 0, 0, 0, 0, 0, 0, 0},
			"tagged, and so more": append([]byte{0xd9, 0xd9, 0xf7}, d.good...),
		} {
			if d.decode(b) == nil {
				t.Errorf("%s: %s was taken", name, form)
			}
		}
	}
	other := bytes.Clone(s.secrets.Encode())
	other[2] = 2 // the version
	if _, err := DecodeSecrets(other); err == nil || !strings.Contains(err.Error(), "version 2") {
		t.Errorf("secrets of another version: %v", err)
	}
	v := stored{Version: 1, Peer: &identity.ID{}}
	if _, err := DecodeSecrets(encode(v)); err == nil {
		t.Error("secrets for nobody were taken")
	}
	null := bytes.Replace(s.bundle.Encode(), append([]byte{0x04, 0x58, 0x20}, s.bundle.OPK[:]...), []byte{0x04, 0xf6}, 1)
	if _, err := DecodeBundle(null); err == nil {
		t.Error("a null for a one-time key was taken")
	}
}

// TestIntroCheck: generations and days that cannot be meant.
func TestIntroCheck(t *testing.T) {
	s := newSetUp(t)
	for _, tt := range []struct {
		name  string
		gen   uint64
		day0  uint32
		known uint64
		today uint32
		ok    bool
	}{
		{"the first", 1, day, 0, day, true},
		{"both at once", 5, day, 5, day, true},
		{"behind", 3, day, 5, day, true},
		{"none", 0, day, 0, day, false},
		{"a leap", MaxLeap + 5, day, 5, day, true},
		{"a leap too far", MaxLeap + 6, day, 5, day, false},
		{"the last", 1<<64 - 1, day, 0, day, false},
		{"the last after the last but one", 1<<64 - 1, day, 1<<64 - 2, day, false},
		{"tomorrow", 1, day + 1, 0, day, true},
		{"in two days", 1, day + 2, 0, day, true},
		{"in three days", 1, day + 3, 0, day, false},
		{"ten years ago", 1, day - maxBehind, 0, day, true},
		{"longer ago", 1, day - maxBehind - 1, 0, day, false},
		{"day 0", 1, 0, 0, 1, false},
		{"the last day", 1, 1<<32 - 1, 0, 1<<32 - 1, false},
		{"a clock of the year 2000", 1, 10957, 0, 10957, true},
	} {
		in := s.intro
		in.Gen, in.Day0 = tt.gen, tt.day0
		if err := in.Check(tt.known, tt.today); (err == nil) != tt.ok {
			t.Errorf("%s: %v, want it taken: %v", tt.name, err, tt.ok)
		}
	}
	for _, tt := range []struct {
		gen uint64
		day uint32
	}{{0, day}, {maxGen + 1, day}, {1, 0}, {1, maxDay + 1}} {
		if _, _, err := s.ann.start(s.bob.id(), s.bundle, tt.gen, tt.day); err == nil {
			t.Errorf("a session of generation %d on day %d was started", tt.gen, tt.day)
		}
		in := s.intro
		in.Gen, in.Day0 = tt.gen, tt.day
		if _, err := Answer(s.bob.Self, s.secrets, in); err == nil {
			t.Errorf("a session of generation %d on day %d was answered", tt.gen, tt.day)
		}
	}
}

// TestNothingToDrawFrom: a source of randomness that ends is an error, and
// nothing half-made comes out.
func TestNothingToDrawFrom(t *testing.T) {
	s := newSetUp(t)
	for n := range 8 + 32 + 32 + 64 {
		if b, _, err := NewBundle(bytes.NewReader(make([]byte, n)), s.bob.Self, ForContact(s.ann.id())); err == nil || b != (Bundle{}) {
			t.Errorf("a bundle was made of %d bytes", n)
		}
	}
	if _, _, err := NewBundle(s.bob.random, s.bob.Self, Recipient{}); err == nil {
		t.Error("a bundle was made for nobody")
	}
	if in, _, err := Start(bytes.NewReader(make([]byte, 31)), s.ann.Self, s.bob.id(), s.bundle, 1, day); err == nil || in != (Intro{}) {
		t.Error("a session was started with 31 bytes")
	}
	if _, err := NewIdentity(bytes.NewReader(nil)); err == nil {
		t.Error("an IK was made of nothing")
	}
	for _, b := range [][]byte{nil, make([]byte, 31), make([]byte, 33)} {
		if _, err := IdentityFromBytes(b); err == nil {
			t.Errorf("an IK of %d bytes was taken", len(b))
		}
	}
	ik, err := IdentityFromBytes(s.ann.IK.Bytes())
	if err != nil || ik.Public() != s.ann.IK.Public() {
		t.Errorf("the bytes of an IK give another one: %v", err)
	}
}

// TestSecretsHideThemselves prints and encodes all that is secret.
func TestSecretsHideThemselves(t *testing.T) {
	s := newSetUp(t)
	shared, err := Answer(s.bob.Self, s.secrets, s.intro)
	if err != nil {
		t.Fatal(err)
	}
	i := inv(s.bob)
	for name, v := range map[string]any{
		"IK": s.bob.IK, "self": s.bob.Self, "shared": shared, "secrets": s.secrets, "invitation": i,
		"inside": struct{ V any }{[]any{shared, &shared, s.secrets, &s.secrets, i, &i, s.bob.IK}},
	} {
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", v)
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", v)
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		all := fmt.Sprintf("%v %+v %#v %x %s %d %q", v, v, v, v, v, v, v) + log.String() + string(text)
		for _, secret := range [][]byte{s.bob.IK.Bytes(), shared.SK[:], shared.T[:], shared.SID[:], s.secrets.spk.Bytes(), s.secrets.opk.Bytes(), s.secrets.kpk.Bytes(), i.V[:], s.bob.Key.Seed()} {
			listed, err := json.Marshal(secret) // base64
			if err != nil {
				t.Fatal(err)
			}
			for _, form := range []string{
				fmt.Sprintf("%x", secret[:8]), strings.Trim(fmt.Sprint(secret[:8]), "[]"), strings.ReplaceAll(strings.Trim(fmt.Sprint(secret[:8]), "[]"), " ", ","),
				strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%#v", secret[:8]), "[]byte{"), "}"), string(listed[1:9]), i.String()[len(scheme)+60:],
			} {
				if strings.Contains(all, form) {
					t.Errorf("%s shows %q: %s", name, form, all)
				}
			}
		}
	}
}

// TestManySetUps: whoever sets up with whomever, both sides share the same,
// and no two sessions anything.
func TestManySetUps(t *testing.T) {
	const seed = 20261120
	random := rand.New(rand.NewPCG(seed, 0))
	people := make([]person, 6)
	for i := range people {
		people[i] = newPerson(t, fmt.Sprint("person ", i))
	}
	seen := make(map[[32]byte]bool)
	for i := range 60 {
		a, b := random.IntN(len(people)), random.IntN(len(people)-1)
		if b >= a {
			b++
		}
		ann, bob := people[a], people[b]
		r := []Recipient{ForContact(ann.id()), ForReset(ann.id()), ForInvitation([16]byte{byte(i)})}[random.IntN(3)]
		bundle, secrets := bob.bundle(t, r)
		if err := bundle.Check(bob.id(), r); err != nil {
			t.Fatalf("seed %d, run %d: %v", seed, i, err)
		}
		in, atAnn, err := Start(ann.random, ann.Self, bob.id(), bundle, 1+random.Uint64N(maxGen), 1+random.Uint32N(maxDay))
		if err != nil {
			t.Fatalf("seed %d, run %d: %v", seed, i, err)
		}
		atBob, err := Answer(bob.Self, secrets, in)
		if err != nil {
			t.Fatalf("seed %d, run %d: %v", seed, i, err)
		}
		agree(t, atAnn, atBob)
		for _, v := range [][32]byte{atAnn.SK, atAnn.T, atAnn.Reset(), atAnn.Location(true), atAnn.Location(false)} {
			if seen[v] {
				t.Errorf("seed %d, run %d: a secret comes up again", seed, i)
			}
			seen[v] = true
		}
	}
}
