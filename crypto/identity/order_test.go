package identity

import (
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"testing"
)

// TestSmallOrder: nobody can sign for an ID that has no private key.
func TestSmallOrder(t *testing.T) {
	var points [][]byte
	for _, s := range []string{
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	} {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		c := append([]byte(nil), b...)
		c[31] |= 0x80
		points = append(points, b, c)
	}
	for _, p := range points {
		plain, ours := 0, 0
		for i := range 64 {
			msg := fmt.Append(nil, i)
			for _, r := range points {
				sig := append(append([]byte(nil), r...), make([]byte, 32)...)
				if ed25519.Verify(p, msg, sig) {
					plain++
				}
				if ID(p).Verify(msg, sig) {
					ours++
				}
			}
		}
		if plain == 0 && p[0] < 2 {
			t.Errorf("%x: the forgeries of this test are none", p)
		}
		if ours > 0 {
			t.Errorf("%x: %d forgeries taken", p, ours)
		}
	}
}
