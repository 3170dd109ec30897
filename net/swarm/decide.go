package swarm

import (
	"time"

	"dione/crypto/identity"
)

// This file holds the rules by which one of two connections to a peer is kept.
// They are those of net/PROTOCOL.md, section 4, in its order. Both sides apply
// them to the same facts, so they keep the same one without a word.

// twinTime is how long after a connection another one of the same two
// processes counts as dialled at the same time. Later on the dialler must have
// lost the old one: nobody dials whom he has.
const twinTime = 10 * time.Second

// facts are what is known of a connection when another one turns up.
type facts struct {
	dialler  identity.ID
	static   [32]byte      // the peer's transport key, remade by each process and each day
	instance [8]byte       // the peer's name of its run, over the LAN; else zero
	path     Path          //
	age      time.Duration // since it was authenticated
	renewing bool          // its dialler has said that a new one follows
}

// verdict is what becomes of two connections to one peer.
type verdict uint8

const (
	keepOld verdict = iota
	keepNew
	askOld // ping the old one: if it lives, the identity is in use elsewhere
)

func (v verdict) String() string { return [...]string{"keep old", "keep new", "ask old"}[v] }

// decide chooses between the live connection and a new one of the same peer.
// self and peer are the two ends of both.
func decide(self, peer identity.ID, old, fresh facts) verdict {
	smaller := self
	if peer.Compare(self) < 0 {
		smaller = peer
	}
	switch {
	case old.renewing:
		return keepNew
	case !sameProcess(old, fresh):
		return askOld
	case old.path != fresh.path && old.path == PathLAN:
		return keepOld
	case old.path != fresh.path && fresh.path == PathLAN:
		return keepNew
	case old.dialler == fresh.dialler || old.age >= twinTime:
		return keepNew
	case old.dialler == smaller:
		return keepOld
	}
	return keepNew
}

// sameProcess reports whether both connections lead to one process: as far as
// can be known by its instance, which it keeps, else by its transport key.
func sameProcess(a, b facts) bool {
	if a.path == PathLAN && b.path == PathLAN {
		return a.instance == b.instance
	}
	return a.static == b.static
}
