package handshake

import (
	"crypto/ecdh"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"time"

	"dione/crypto/identity"
	"dione/crypto/kdf"
)

// Static is a transport key: an X25519 key pair of one realm and network, with
// the identity's signature under it. It lives in memory only and is made anew
// at each start and each day, so that nothing is signed per connection and a
// recorded conversation proves nothing about who took part in it.
type Static struct {
	realm   Realm
	network [32]byte
	key     *ecdh.PrivateKey
	card    card
}

// NewStatic makes a transport key that is valid for [Lifetime] from now.
func NewStatic(rand io.Reader, id identity.Key, realm Realm, network [32]byte, now time.Time) (*Static, error) {
	key, err := newX25519(rand)
	if err != nil {
		return nil, fmt.Errorf("make transport key: %w", err)
	}
	s := &Static{realm: realm, network: network, key: key}
	s.card = card{ID: id.ID(), NotAfter: uint64(now.Add(Lifetime).Unix())}
	s.card.Sig = [64]byte(id.Sign(signedBytes(realm, network, key.PublicKey().Bytes(), s.card.NotAfter)))
	return s, nil
}

// Public returns the public half.
func (s *Static) Public() [32]byte { return [32]byte(s.key.PublicKey().Bytes()) }

// Format hides the key from every verb of fmt.
func (s *Static) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[key]") }

// LogValue hides the key from slog.
func (s *Static) LogValue() slog.Value { return slog.StringValue("[key]") }

// MarshalText hides a key inside a value that is logged or encoded.
func (s *Static) MarshalText() ([]byte, error) { return []byte("[key]"), nil }

// signedBytes is what an identity signs to own a transport key.
func signedBytes(realm Realm, network [32]byte, public []byte, notAfter uint64) []byte {
	b := append([]byte(kdf.NoiseStatic), byte(realm))
	b = append(b, network[:]...)
	b = append(b, public...)
	return binary.BigEndian.AppendUint64(b, notAfter)
}

// check decides whether c, shown by a peer who has proved to own the
// transport key public, is the card of somebody else who is of our time.
func (h *Handshake) check(c card, public []byte) error {
	if _, err := identity.FromBytes(c.ID[:]); err != nil {
		return err
	}
	if c.ID == h.cfg.Static.card.ID {
		return ErrOwnID
	}
	if !c.ID.Verify(signedBytes(h.cfg.Realm, h.cfg.Network, public, c.NotAfter), c.Sig[:]) {
		return fmt.Errorf("transport key is not signed by %s", c.ID.Short())
	}
	return h.checkTime(c.NotAfter)
}

// maxTime is the end of the year 9999, in seconds since 1970: what is later
// is not a time but an attempt.
const maxTime = 253402300799

// checkTime decides whether a transport key may be shown now, and notes what
// its end tells about the peer's clock.
func (h *Handshake) checkTime(notAfter uint64) error {
	// A shown key is up to a day old, so by the peer's clock it has between
	// Lifetime and Lifetime less a day to live.
	end := time.Unix(int64(min(notAfter, maxTime)), 0)
	left := end.Sub(h.cfg.Now)
	switch fresh, old := left-Lifetime, left-Lifetime+24*time.Hour; {
	case fresh > 0:
		h.skew = fresh
	case old < 0:
		h.skew = old
	}
	if left < -Slack || left > Lifetime+Slack {
		return fmt.Errorf("%w: clocks differ by about %s", ErrClock, About(left-Lifetime+12*time.Hour))
	}
	return nil
}

// About writes a difference of clocks as people say it.
func About(d time.Duration) string {
	d = d.Abs()
	if d < 72*time.Hour {
		return fmt.Sprintf("%d hours", int64((d+30*time.Minute)/time.Hour))
	}
	return fmt.Sprintf("%d days", int64((d+12*time.Hour)/(24*time.Hour)))
}
