// Package vectors is for tests: it reads the vectors of the specifications,
// and makes the "random" bytes that they are made of.
package vectors

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var block = regexp.MustCompile("(?ms)^```vector ([^\n]+)\n(.*?)^```")

// Read reads the blocks "```vector PART NAME" of a page, by NAME; those of all
// parts by their whole names if part is empty.
func Read(tb testing.TB, page, part string) map[string][]byte {
	tb.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		tb.Fatal(err)
	}
	all := make(map[string][]byte)
	for _, m := range block.FindAllStringSubmatch(string(text), -1) {
		name, ok := m[1], true
		if part != "" {
			name, ok = strings.CutPrefix(name, part+" ")
		}
		if !ok {
			continue
		}
		if all[name], err = hex.DecodeString(strings.Join(strings.Fields(m[2]), "")); err != nil {
			tb.Fatalf("vector %s: %v", m[1], err)
		}
	}
	return all
}

// Same compares the vectors of a part with those that somebody makes: all of
// them, and no others.
func Same(tb testing.TB, who, part string, got, want map[string][]byte) {
	tb.Helper()
	whole := func(name string) string { return strings.TrimSpace(part + " " + name) }
	for name, b := range got {
		if !bytes.Equal(want[name], b) {
			tb.Errorf("%s:\n```vector %s\n%s\n```", who, whole(name), wrap(b))
		}
	}
	for name := range want {
		if got[name] == nil {
			tb.Errorf("%s: nobody tests the vector %s", who, whole(name))
		}
	}
}

// wrap writes b as the vectors are written.
func wrap(b []byte) string {
	var lines []string
	for line := range slices.Chunk(b, 64) {
		lines = append(lines, hex.EncodeToString(line))
	}
	return strings.Join(lines, "\n")
}

// Stream is the source of "random" bytes of crypto/PROTOCOL.md: SHA-256 of its
// label and a count.
type Stream struct {
	Label string

	n    int
	rest []byte
}

// Read never fails.
func (s *Stream) Read(p []byte) (int, error) { return copy(p, s.Take(len(p))), nil }

// Take returns the next n bytes.
func (s *Stream) Take(n int) []byte {
	for len(s.rest) < n {
		sum := sha256.Sum256(fmt.Append(nil, s.Label, " ", s.n))
		s.n++
		s.rest = append(s.rest, sum[:]...)
	}
	out := s.rest[:n:n]
	s.rest = s.rest[n:]
	return out
}
