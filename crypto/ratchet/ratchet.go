// Package ratchet is the Double Ratchet with header encryption and address
// chains of crypto/PROTOCOL.md, section 8. Each step of it yields a message
// key and the address at which the package lies, and the address of what
// comes after a Diffie-Hellman step is known before that step.
//
// It is pure: no I/O, no clock, no goroutines. A [Session] is not safe for
// concurrent use. Every method either succeeds or leaves the session as it was.
package ratchet

import (
	"crypto/ecdh"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"dione/crypto/kdf"
	"dione/crypto/parcel"
)

// The limits of a session.
const (
	// Window is how many indices beyond the newest are watched.
	Window = 8

	// MaxSkip is how far beyond the first missing message of its chain a
	// message may lie, MaxHoles how many may be missing in all chains.
	MaxSkip, MaxHoles = 1024, 2048

	// MaxUnacked is how many messages of one chain may be unacknowledged.
	MaxUnacked = 512

	// MaxChains is how many chains may wait for a message, or, of our own, for
	// an acknowledgement.
	MaxChains = 64

	// HoleDays is how long a missing message is waited for.
	HoleDays = 30

	// maxIndex is the number of no message: a chain ends before it.
	maxIndex = 1<<32 - 1
)

// Errors that a caller tells apart.
var (
	// ErrEarly says that a responder has received nothing yet, so it knows no
	// key to write under.
	ErrEarly = errors.New("nothing received in the session yet")
	// ErrFull says that too much is unacknowledged.
	ErrFull = errors.New("too many unacknowledged packages")
	// ErrUnknown says that a package is not of this session, or of a chain
	// that is complete.
	ErrUnknown = errors.New("package is not of this session")
	// ErrDuplicate says that a package has come before.
	ErrDuplicate = errors.New("package has come before")
	// ErrLimit says that a package skips more than may be missing.
	ErrLimit = errors.New("package skips too many")
	// ErrForged says that a package has a header of the session, but was not
	// made by its rules.
	ErrForged = errors.New("package breaks the rules of the session")
	// ErrAhead says that the other side has received what we have not sent:
	// our state is an older copy.
	ErrAhead = errors.New("our own state is an older copy")
	// ErrBehind says that the other side takes back what it had acknowledged:
	// its state is an older copy.
	ErrBehind = errors.New("the other side's state is an older copy")
)

// Index names one message of a session. Odd epochs are chains of the
// initiator, even ones of the responder; N counts from 0.
type Index struct{ Epoch, N uint32 }

// Session is one end of a session. Make it with [Initiate], [Accept] or
// [Decode].
//
// Either it is our turn, and what we seal next begins a chain, or the newest
// chain is our own and we wait for theirs. On our turn only theirs is known of
// the two ratchet keys that the next step joins; while we wait, only own.
type Session struct {
	initiator bool
	ad        [32]byte // what every body is bound to: the transcript of the set-up
	root      [32]byte // of the newest epoch
	epoch     uint32   // the newest one begun; 0 at first
	own       *dhKey
	theirs    *[32]byte
	ahead     [2]keys // of the two epochs after the newest

	out     outChain
	unacked []sentChain // own chains, ascending, the newest last

	in     inChain
	next   window    // of the chain after in; while we wait
	closed []inChain // older chains with holes, ascending
}

// keys are the header and the first address key of a chain. They lie one round
// ahead of its ratchet key.
type keys struct{ header, address [32]byte }

// outChain is our newest chain. On our turn nothing is left of it but its
// length.
type outChain struct {
	epoch  uint32 // 0: none yet
	n      uint32 // the next index
	prev   uint32 // length of our chain before
	chain  [32]byte
	header [32]byte
	addr   [32]byte // address chain at n
}

// Initiate begins a session that we have set up, from the results of the
// set-up: the secret sk, what bodies are bound to, and the responder's first
// ratchet key.
func Initiate(sk, ad [32]byte, responder [32]byte) (*Session, error) {
	s := begin(sk, ad)
	s.initiator, s.theirs = true, &responder
	// Any key does to find a point of low order, now and not in the first Seal.
	if _, err := new(dhKey).exchange(responder); err != nil {
		return nil, fmt.Errorf("begin session: ratchet key of the other side: %w", err)
	}
	return s, nil
}

// Accept begins a session that the other side has set up with our key own,
// which is our first ratchet key.
func Accept(sk, ad [32]byte, own *ecdh.PrivateKey) *Session {
	s := begin(sk, ad)
	s.own = &dhKey{[32]byte(own.Bytes()), [32]byte(own.PublicKey().Bytes()), own}
	s.next = window{addr: s.ahead[0].address}
	return s
}

func begin(sk, ad [32]byte) *Session {
	b := kdf.Expand(sk[:], kdf.Session, 160)
	return &Session{
		ad:   ad,
		root: [32]byte(b),
		ahead: [2]keys{
			{header: [32]byte(b[32:]), address: [32]byte(b[96:])},
			{header: [32]byte(b[64:]), address: [32]byte(b[128:])},
		},
	}
}

// turn reports whether it is our turn: what we seal next begins a chain.
func (s *Session) turn() bool { return (s.epoch%2 == 0) == s.initiator }

// rootStep derives the keys of the next epoch from one Diffie-Hellman result.
func (s *Session) rootStep(shared []byte) (root, chain [32]byte, ahead [2]keys) {
	prk := kdf.Extract(shared, s.root[:])
	b := kdf.Expand(prk[:], kdf.Root, 128)
	return [32]byte(b), [32]byte(b[32:]), [2]keys{s.ahead[1], {header: [32]byte(b[64:]), address: [32]byte(b[96:])}}
}

// stepMessage moves a chain key on, and returns the key of one message.
func stepMessage(chain [32]byte) (next, key [32]byte) {
	b := kdf.Expand(chain[:], kdf.Message, 64)
	return [32]byte(b), [32]byte(b[32:])
}

// stepAddress moves an address chain on, and returns the seed of one package.
func stepAddress(addr [32]byte) (next [32]byte, seed parcel.Seed) {
	b := kdf.Expand(addr[:], kdf.Address, 64)
	return [32]byte(b), parcel.Seed(b[32:])
}

// Sealed is a package that was made: its core, and the seed of the key that
// signs its envelopes and gives its address. A link needs no more than the
// core; the mailbox needs [parcel.Seed.Key].
type Sealed struct {
	Index
	Core parcel.Core
	Seed parcel.Seed
}

// CanSeal returns nil, or why no message can be sealed now: [ErrEarly] or
// [ErrFull].
func (s *Session) CanSeal() error {
	if s.early() {
		return ErrEarly
	}
	if s.Room() == 0 {
		return ErrFull
	}
	return nil
}

// early reports whether we are a responder who has received nothing.
func (s *Session) early() bool { return !s.initiator && s.epoch == 0 }

// Room returns how many messages can be sealed before anything else is
// acknowledged. It keeps us within what the other side lets be missing.
func (s *Session) Room() int {
	room := MaxHoles
	for i := range s.unacked {
		room -= int(s.unacked[i].n - s.unacked[i].count())
	}
	switch {
	case s.early():
		return 0
	case !s.turn():
		return max(0, min(room, s.unacked[len(s.unacked)-1].room()))
	case len(s.unacked) >= MaxChains, s.epoch == maxIndex:
		return 0
	}
	return max(0, min(room, MaxUnacked))
}

// Seal makes the next package, and what moves on with it. Randomness for its
// nonce, and at times for a new ratchet key, comes from rand.
func (s *Session) Seal(rand io.Reader, body *[parcel.BodySize]byte) (Sealed, error) {
	if err := s.CanSeal(); err != nil {
		return Sealed{}, fmt.Errorf("seal: %w", err)
	}
	var sealed Sealed
	if _, err := io.ReadFull(rand, sealed.Core[:parcel.NonceSize]); err != nil {
		return Sealed{}, fmt.Errorf("seal: %w", err)
	}
	if s.turn() {
		if err := s.beginChain(rand); err != nil {
			return Sealed{}, fmt.Errorf("seal: %w", err)
		}
	}
	sealed.Index = Index{s.out.epoch, s.out.n}
	var key [32]byte
	s.out.chain, key = stepMessage(s.out.chain)
	s.out.addr, sealed.Seed = stepAddress(s.out.addr)
	s.out.n++
	s.unacked[len(s.unacked)-1].n = s.out.n
	sealHeader(&sealed.Core, s.out.header, header{dh: s.own.public, pn: s.out.prev, n: sealed.N})
	sealBody(&sealed.Core, s.ad, key, body)
	return sealed, nil
}

// beginChain takes our next step of the root.
func (s *Session) beginChain(rand io.Reader) error {
	own, err := newDHKey(rand)
	if err != nil {
		return err
	}
	shared, err := own.exchange(*s.theirs)
	if err != nil {
		return fmt.Errorf("ratchet key of the other side: %w", err)
	}
	mine := s.ahead[0]
	root, chain, ahead := s.rootStep(shared)
	s.epoch++
	s.root, s.ahead, s.own, s.theirs = root, ahead, own, nil
	s.out = outChain{epoch: s.epoch, prev: s.out.n, chain: chain, header: mine.header, addr: mine.address}
	s.unacked = append(s.unacked, sentChain{epoch: s.epoch})
	s.next = window{addr: s.ahead[0].address}
	return nil
}

// Sent returns our newest chain and the index of what is sealed next in it,
// the zero Index if there is none.
func (s *Session) Sent() Index { return Index{s.out.epoch, s.out.n} }

// LogValue hides a session from slog.
func (*Session) LogValue() slog.Value { return slog.StringValue("[session]") }

// Format hides a session from every verb of fmt.
func (*Session) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[session]") }

// MarshalText hides a session inside a value that is encoded.
func (*Session) MarshalText() ([]byte, error) { return []byte("[session]"), nil }
