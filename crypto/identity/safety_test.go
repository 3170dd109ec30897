package identity

import (
	"crypto/sha512"
	"encoding/hex"
	"math/big"
	"strings"
	"testing"

	"dione/internal/vectors"
)

// secondSafety is crypto/PROTOCOL.md, section 7, once more, with the standard
// library alone: it makes the vector.
func secondSafety(smaller, larger []byte) string {
	digits := ""
	for _, id := range [][]byte{smaller, larger} {
		h := []byte{}
		for i := 1; i <= 5200; i++ {
			sum := sha512.Sum512([]byte("dione/1 safety number" + string(h) + string(id)))
			h = sum[:]
		}
		for i := 0; i < 30; i += 5 {
			n := new(big.Int).SetBytes(h[i : i+5])
			s := n.Mod(n, big.NewInt(100000)).String()
			digits += strings.Repeat("0", 5-len(s)) + s
		}
	}
	return digits
}

func TestSafetyNumber(t *testing.T) {
	all := vectors.Read(t, "../PROTOCOL.md", "")
	a, b := ID(all["pqxdh initiator id"]), ID(all["pqxdh responder id"]) // b is the smaller
	want := hex.EncodeToString(all["safety number"])                     // it is of digits
	if got := secondSafety(b[:], a[:]); got != want {
		t.Errorf("the second implementation: safety number %s, want %s", got, want)
	}
	if SafetyNumber(a, b) != want || SafetyNumber(b, a) != want {
		t.Errorf("safety numbers %s and %s, want %s for both", SafetyNumber(a, b), SafetyNumber(b, a), want)
	}
	a[0] ^= 1
	if got := SafetyNumber(a, b); got == want || got[:30] != want[:30] || got[30:] == want[30:] {
		t.Errorf("another peer has the safety number %s, and the first was %s", got, want)
	}
}

func TestSafetyGroups(t *testing.T) {
	number := SafetyNumber(ID{1}, ID{2})
	groups := SafetyGroups(number)
	if len(number) != 60 || len(groups) != 12 || strings.Join(groups, "") != number {
		t.Errorf("%s is grouped as %q", number, groups)
	}
	for _, g := range groups {
		if len(g) != 5 || strings.Trim(g, "0123456789") != "" {
			t.Errorf("%q is no group of five digits", g)
		}
	}
}

func BenchmarkSafetyNumber(b *testing.B) {
	for b.Loop() {
		SafetyNumber(ID{1}, ID{2})
	}
}
