package identity

import (
	"crypto/sha512"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"dione/crypto/kdf"
)

// safetyRounds makes each try of somebody who looks for a key with the same
// digits cost that much more.
const safetyRounds = 5200

// SafetyNumber returns the 60 digits that a and b see alike if, and only if,
// nobody stands between them: 30 for each, those of the smaller ID first.
func SafetyNumber(a, b ID) string {
	if a.Compare(b) > 0 {
		a, b = b, a
	}
	return safetyHalf(a) + safetyHalf(b)
}

// safetyHalf returns the 30 digits of one person: six times five, each from
// five bytes of an iterated hash.
func safetyHalf(id ID) string {
	var sum []byte
	in := make([]byte, 0, len(kdf.SafetyNumber)+sha512.Size+Size)
	for range safetyRounds {
		in = append(append(append(in[:0], kdf.SafetyNumber...), sum...), id[:]...)
		h := sha512.Sum512(in)
		sum = h[:]
	}
	var digits strings.Builder
	for five := range slices.Chunk(sum[:30], 5) {
		n := binary.BigEndian.Uint64(append(make([]byte, 3, 8), five...))
		fmt.Fprintf(&digits, "%05d", n%100000)
	}
	return digits.String()
}

// SafetyGroups splits a safety number into groups of five digits, to be shown
// and read out.
func SafetyGroups(number string) []string {
	var groups []string
	for len(number) > 5 {
		groups, number = append(groups, number[:5]), number[5:]
	}
	return append(groups, number)
}
