package dht

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"math/big"
	"math/rand/v2"
	"testing"

	"dione/crypto/identity"
)

// anyKey returns a random place.
func anyKey(r *rand.Rand) Key { return mix(Key{}, 0, r) }

func chance(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

func TestKeyOf(t *testing.T) {
	// SHA-256 of 32 zero bytes.
	const want = "66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925"
	if got := KeyOf(identity.ID{}); hex.EncodeToString(got[:]) != want {
		t.Errorf("KeyOf(0) = %x, want %s", got, want)
	}
}

func TestCommon(t *testing.T) {
	for _, tt := range []struct {
		a, b Key
		want int
	}{
		{Key{}, Key{}, 256},
		{Key{0x80}, Key{}, 0},
		{Key{0x40}, Key{}, 1},
		{Key{0xff, 0x01}, Key{0xff}, 15},
		{Key{0xff, 0x80}, Key{0xff}, 8},
		{Key{31: 1}, Key{}, 255},
	} {
		if got := tt.a.Common(tt.b); got != tt.want {
			t.Errorf("%x.Common(%x) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
		if got := tt.b.Common(tt.a); got != tt.want {
			t.Errorf("%x.Common(%x) = %d, want %d", tt.b, tt.a, got, tt.want)
		}
	}
}

// TestNearer compares with whole numbers.
func TestNearer(t *testing.T) {
	r := chance(1)
	distance := func(a, b Key) *big.Int {
		for i := range a {
			a[i] ^= b[i]
		}
		return new(big.Int).SetBytes(a[:])
	}
	for range 2000 {
		target := anyKey(r)
		a, b := mix(target, r.IntN(257), r), mix(target, r.IntN(257), r)
		want := distance(target, a).Cmp(distance(target, b))
		if got := target.Nearer(a, b); got != want {
			t.Fatalf("%x.Nearer(%x, %x) = %d, want %d", target, a, b, got, want)
		}
		if n := near(target, a); want != 0 && n != near(target, b) && (n < near(target, b)) != (want < 0) {
			t.Fatalf("near(%x) orders %x and %x otherwise", target, a, b)
		}
	}
}

func TestSolves(t *testing.T) {
	r := chance(2)
	solved := 0
	for range 4096 {
		k := anyKey(r)
		sum := sha256.Sum256(k[:])
		if got, want := k.Solves(6), sum[0]>>2 == 0; got != want {
			t.Fatalf("%x.Solves(6) = %v, its sum is %x", k, got, sum)
		}
		if k.Solves(6) {
			solved++
		}
		if !k.Solves(0) || k.Solves(7) && !k.Solves(6) || k.Solves(257) {
			t.Fatalf("%x solves what is harder and not what is easier", k)
		}
	}
	if solved < 32 || solved > 128 {
		t.Errorf("%d of 4096 solve 6 bits, want about 64", solved)
	}
}

func TestKeyInWords(t *testing.T) {
	k := Key{0xde, 0xad, 0xbe, 0xef, 0x11}
	if got := k.String(); got != "deadbeef" {
		t.Errorf("String = %q", got)
	}
	if got := fmt.Sprint(slog.Any("node", k).Value.Resolve()); got != "deadbeef" {
		t.Errorf("logged as %q", got)
	}
	if k.Compare(Key{}) <= 0 || k.Compare(k) != 0 || (Key{}).Compare(k) >= 0 {
		t.Error("Compare does not order by bytes")
	}
}

// TestBlind: who is asked learns 24 bits of what is looked for.
func TestBlind(t *testing.T) {
	r := chance(3)
	target := anyKey(r)
	var differs Key
	for range 64 {
		b := Blind(target, r)
		if n := target.Common(b); n < 24 {
			t.Fatalf("Blind kept %d bits", n)
		}
		for i := range b {
			differs[i] |= b[i] ^ target[i]
		}
	}
	for i, x := range differs {
		if want := byte(0xff); i >= 3 && x != want {
			t.Errorf("byte %d varies in %08b", i, x)
		}
	}
}

func TestMix(t *testing.T) {
	r := chance(4)
	for n := range 257 {
		k := anyKey(r)
		if got := mix(k, n, r); k.Common(got) < n {
			t.Errorf("mix(%d) kept %d bits", n, k.Common(got))
		}
	}
}
