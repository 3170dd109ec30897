package lan

import (
	"math/rand/v2"
	"strings"
	"sync"
)

// This file tells askers apart. The library shows us the questions that reach
// this host but not who asked: our own come back as well, and those of peers
// that have been here for hours come every few seconds. Names are the same in
// any case (RFC 6762, section 16), so everybody spells the question in a case
// of its own, by chance: one never heard before is that of a newcomer.

// question is the name that everybody asks for.
const question = service + "." + domain

const (
	// spellings is in how many ways question can be written: two for each of
	// its letters. Number 0, all lower case, is left to other programs.
	spellings = 1 << 13

	// maxKnown bounds the spellings that are remembered: if there are more
	// they are forgotten, and each costs a query once again.
	maxKnown = 1024
)

// spell writes question in spelling number n.
func spell(n uint16) string {
	b := []byte(question)
	for i, c := range b {
		if 'a' <= c && c <= 'z' {
			if n&1 == 1 {
				b[i] = c - 'a' + 'A'
			}
			n >>= 1
		}
	}
	return string(b)
}

// spelling returns the number of the spelling of name, which is false if that
// is another name than question.
func spelling(name string) (n uint16, ok bool) {
	if len(name) != len(question) || !strings.EqualFold(name, question) {
		return 0, false
	}
	bit := uint16(1)
	for i := range len(question) {
		if c := question[i]; 'a' <= c && c <= 'z' {
			if name[i] != c {
				n |= bit
			}
			bit <<= 1
		}
	}
	return n, true
}

// askers knows who has asked. Its methods may be called from many goroutines.
type askers struct {
	own uint16

	mu    sync.Mutex
	known map[uint16]bool
}

func newAskers() *askers {
	return &askers{own: uint16(1 + rand.N(spellings-1)), known: make(map[uint16]bool)}
}

// isNew takes a question and reports whether it is somebody's first.
func (a *askers) isNew(name string) bool {
	n, ok := spelling(name)
	if !ok || n == a.own {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.known[n] {
		return false
	}
	if len(a.known) == maxKnown {
		clear(a.known)
	}
	a.known[n] = true
	return true
}

// forget makes everybody new.
func (a *askers) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.known)
}
