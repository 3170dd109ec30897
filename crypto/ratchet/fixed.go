package ratchet

import (
	"fmt"
	"io"
	"log/slog"

	"dione/crypto/kdf"
	"dione/crypto/parcel"
)

// Fixed is a chain that never turns: what one side writes under a secret that
// both have while they have no session. It has one message in its time, whose
// packages look like those of any session. It keeps nothing: who seals two
// messages has two packages of each address.
type Fixed struct {
	ad       [32]byte // what every body is bound to
	header   [32]byte
	chain    [32]byte
	addr     [32]byte
	location [32]byte
}

// NewFixed derives the chain that label names from a secret of at least
// [kdf.Size] bytes.
func NewFixed(secret []byte, label kdf.Label, ad [32]byte) Fixed {
	b := kdf.Expand(secret, label, 128)
	return Fixed{ad: ad, header: [32]byte(b), chain: [32]byte(b[32:]), addr: [32]byte(b[64:]), location: [32]byte(b[96:])}
}

// Location returns the chain's location key.
func (f Fixed) Location() [32]byte { return f.location }

// Seal makes the packages of the chain's message. Randomness for their nonces
// comes from rand.
func (f Fixed) Seal(rand io.Reader, bodies ...*[parcel.BodySize]byte) ([]Sealed, error) {
	all := make([]Sealed, len(bodies))
	chain, addr := f.chain, f.addr
	for i, body := range bodies {
		one := &all[i]
		if _, err := io.ReadFull(rand, one.Core[:parcel.NonceSize]); err != nil {
			return nil, fmt.Errorf("seal: %w", err)
		}
		one.N = uint32(i)
		var key [32]byte
		chain, key = stepMessage(chain)
		addr, one.Seed = stepAddress(addr)
		sealHeader(&one.Core, f.header, header{n: one.N})
		sealBody(&one.Core, f.ad, key, body)
	}
	return all, nil
}

// Watch returns where the first n packages of the chain lie.
func (f Fixed) Watch(n int) []Watched {
	all := make([]Watched, n)
	addr := f.addr
	for i := range all {
		one := &all[i]
		one.N = uint32(i)
		addr, one.Seed = stepAddress(addr)
		one.Address = one.Seed.Address()
	}
	return all
}

// Open takes the package that lay at address n of [Fixed.Watch]. The error is
// [ErrForged].
func (f Fixed) Open(n uint32, core *parcel.Core) (body [parcel.BodySize]byte, err error) {
	chain, key := stepMessage(f.chain)
	for range n {
		chain, key = stepMessage(chain)
	}
	if h, ok := openHeader(core, f.header); !ok || h != (header{n: n}) {
		return body, fmt.Errorf("%w: header", ErrForged)
	}
	body, ok := openBody(core, f.ad, key)
	if !ok {
		return body, fmt.Errorf("%w: body", ErrForged)
	}
	return body, nil
}

// LogValue hides a chain from slog.
func (Fixed) LogValue() slog.Value { return slog.StringValue("[chain]") }

// Format hides a chain from every verb of fmt.
func (Fixed) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[chain]") }

// MarshalText hides a chain inside a value that is encoded.
func (Fixed) MarshalText() ([]byte, error) { return []byte("[chain]"), nil }
