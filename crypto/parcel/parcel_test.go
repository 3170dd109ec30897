package parcel

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// The attacks are those of crypto/PROTOCOL.md, section 6.

func someCore(b byte) *Core { return (*Core)(bytes.Repeat([]byte{b}, CoreSize)) }

func TestLayout(t *testing.T) {
	if Size != 1024 || EnvelopeSize != 134 || CoreSize != 890 || TombstoneSize != 166 || sealedBody != 802 {
		t.Errorf("sizes %d %d %d %d %d", Size, EnvelopeSize, CoreSize, TombstoneSize, sealedBody)
	}
	seed, core := Seed{1}, someCore(2)
	location := [32]byte{3}
	whole, stone := Seal(core, seed, location, 0x01020304), Bury(core, seed, location, 0x01020304)
	p, err := Check(whole[:])
	if err != nil {
		t.Fatal(err)
	}
	if *p.Core != *core || p.Kind != Data || p.Expiry != 0x01020304 || p.Location != location || p.Address != seed.Address() || p.Sum != core.Sum() {
		t.Errorf("Check = %+v", p)
	}
	q, err := Check(stone[:])
	if err != nil {
		t.Fatal(err)
	}
	if q.Core != nil || q.Kind != Tombstone || q.Expiry != p.Expiry || q.Location != location || q.Address != p.Address || q.Sum != p.Sum {
		t.Errorf("Check = %+v", q)
	}
	whole[EnvelopeSize] ^= 1
	if p.Core[0] != 2 {
		t.Error("the core is not a copy")
	}
	if hint := p.Address.Hint(); !bytes.Equal(hint[:], p.Address[:8]) {
		t.Error("the hint is another")
	}
}

// TestCheckRefuses: every byte counts, and so does the length.
func TestCheckRefuses(t *testing.T) {
	for _, good := range [][]byte{sealed(1, 2), buried(1, 2)} {
		if _, err := Check(good); err != nil {
			t.Fatal(err)
		}
		for i := range good {
			bad := bytes.Clone(good)
			bad[i] ^= 1 << (i % 8)
			if p, err := Check(bad); !errors.Is(err, ErrBad) || p != (Package{}) {
				t.Errorf("byte %d of %d changed: %v", i, len(good), err)
			}
		}
		for n := range len(good) {
			if _, err := Check(good[:n]); !errors.Is(err, ErrBad) {
				t.Errorf("%d of %d bytes: %v", n, len(good), err)
			}
		}
		if _, err := Check(append(good, 0)); !errors.Is(err, ErrBad) {
			t.Errorf("a byte behind: %v", err)
		}
	}
}

// TestAttack7Squatting: who knows an address, and even the public key behind
// it, cannot put anything there.
func TestAttack7Squatting(t *testing.T) {
	victim := Seed{1}
	polled := victim.Address()
	b := sealed(9, 9) // the squatter's own package
	if p, err := Check(b); err != nil || p.Address == polled {
		t.Fatalf("%v", err)
	}
	copy(b[38:70], victim.Key().public()) // under the victim's name
	if _, err := Check(b); !errors.Is(err, ErrBad) {
		t.Errorf("another's key: %v", err)
	}
	old := sealed(1, 2) // or with a signature of the victim, over another core, place, hour or kind
	for name, change := range map[string]func(b []byte){
		"core":     func(b []byte) { b[Size-1] ^= 1 },
		"location": func(b []byte) { b[6] ^= 1 },
		"expiry":   func(b []byte) { b[5]++ },
	} {
		b := bytes.Clone(old)
		change(b)
		if _, err := Check(b); !errors.Is(err, ErrBad) {
			t.Errorf("another %s: %v", name, err)
		}
	}
}

// TestAttack8OldPackage: a tombstone is of this core and no other, so a holder
// that has it knows an old package that comes again.
func TestAttack8OldPackage(t *testing.T) {
	old, err := Check(sealed(1, 2))
	if err != nil {
		t.Fatal(err)
	}
	stone, err := Check(buried(1, 2))
	if err != nil {
		t.Fatal(err)
	}
	if stone.Address != old.Address || stone.Sum != old.Sum {
		t.Error("the tombstone does not name the package")
	}
}

// TestAttack11LyingHolder: a holder proves nothing to a sender by a tombstone
// of another core or address, by another's package, or by bytes it made up.
func TestAttack11LyingHolder(t *testing.T) {
	mine := someCore(2)
	delivered := func(b []byte) bool {
		p, err := Check(b)
		return err == nil && p.Kind == Tombstone && p.Address == (Seed{1}).Address() && p.Sum == mine.Sum()
	}
	if !delivered(buried(1, 2)) {
		t.Fatal("the true receipt is not taken")
	}
	sum := mine.Sum()
	forged := bytes.Clone(buried(9, 2))
	copy(forged[38:70], (Seed{1}).Key().public())
	swapped := bytes.Clone(buried(1, 3))
	copy(swapped[EnvelopeSize:], sum[:])
	cut := append(bytes.Clone(sealed(1, 2)[:EnvelopeSize]), sum[:]...) // the data's own signature
	cut[1] = byte(Tombstone)
	for name, b := range map[string][]byte{
		"of another core":       buried(1, 3),
		"of another address":    buried(9, 2),
		"without the seed":      forged,
		"with another hash":     swapped,
		"made from the package": cut,
		"the package itself":    sealed(1, 2),
		"nothing":               nil,
	} {
		if delivered(b) {
			t.Errorf("%s: taken as a receipt", name)
		}
	}
}

func sealed(seed, core byte) []byte {
	b := Seal(someCore(core), Seed{seed}, [32]byte{7}, 8)
	return b[:]
}

func buried(seed, core byte) []byte {
	b := Bury(someCore(core), Seed{seed}, [32]byte{7}, 8)
	return b[:]
}

func TestHidden(t *testing.T) {
	s := Seed([]byte("these bytes have to stay hidden!"))
	asJSON, err := json.Marshal(map[string]any{"seed": s, "key": s.Key()})
	if err != nil {
		t.Fatal(err)
	}
	out := fmt.Sprintf("%v %s %x %q %d %+v %#v %v %s %s", s, s, s, s, s, s.Key(), s.Key(), s.LogValue(), s.Key().LogValue(), asJSON)
	for _, form := range []string{"these", fmt.Sprintf("%x", "these"), "116 104 101"} {
		if strings.Contains(out, form) {
			t.Errorf("shown: %s", out)
		}
	}
}

// FuzzCheck: whatever is accepted is, byte for byte, the package of its parts.
func FuzzCheck(f *testing.F) {
	f.Add(sealed(1, 2))
	f.Add(buried(1, 2))
	f.Add(make([]byte, Size))
	f.Fuzz(func(t *testing.T, in []byte) {
		p, err := Check(in)
		if err != nil {
			return
		}
		if len(in) != Size && len(in) != TombstoneSize {
			t.Fatalf("%d bytes are accepted", len(in))
		}
		if p.Address != addressOf(in[38:70]) || !ed25519.Verify(in[38:70], toSign(in), in[70:134]) {
			t.Errorf("accepted %x", in)
		}
		again := []byte{1, byte(p.Kind), byte(p.Expiry >> 24), byte(p.Expiry >> 16), byte(p.Expiry >> 8), byte(p.Expiry)}
		again = append(append(again, p.Location[:]...), in[38:134]...)
		if p.Core != nil {
			again = append(again, p.Core[:]...)
		} else {
			again = append(again, p.Sum[:]...)
		}
		if !bytes.Equal(again, in) {
			t.Errorf("accepted %x, which is %x", in, again)
		}
	})
}
