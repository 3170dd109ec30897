// Package handshake is the transport handshake of crypto/PROTOCOL.md,
// section 3, and the records that follow it, section 4:
// Noise_XXpsk3_25519_ChaChaPoly_SHA256 with a fresh ML-KEM-768 secret as psk.
//
// It is pure: no socket, no clock, no goroutine. A [Handshake] is a state
// machine that takes the frames of the other side and returns the bytes to
// send; net/secure moves them over a connection, bounds their time and counts
// how many strangers are served. After any error a Handshake is dead and the
// connection has to be closed without a further byte.
package handshake

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/flynn/noise"

	"dione/crypto/identity"
	"dione/crypto/kdf"
)

const (
	// MaxFrame bounds a frame of the handshake. The longest one, frame 2,
	// has 1,334 bytes at most; the rest is room for coming versions.
	MaxFrame = 2048

	// Lifetime is how long after its making a transport key may be shown.
	Lifetime = 48 * time.Hour

	// Slack is how far the clocks of two peers may be apart beyond that: a
	// wrong time zone or daylight rule is no reason not to talk.
	Slack = 26 * time.Hour
)

// Errors on which callers act. Everything else that goes wrong is the same to
// them: something other than an honest peer of this network and version.
var (
	ErrOwnID     = errors.New("this is our own identity")
	ErrWrongPeer = errors.New("somebody else answers there")
	ErrClock     = errors.New("transport key is not valid at this time")
)

// Realm is the first byte on a connection: by which identity, and for what,
// the two ends know each other.
type Realm byte

// The realms.
const (
	Chat Realm = 'c' // by user identity
	DHT  Realm = 'd' // by node identity
)

// Config is what one side brings to a handshake.
type Config struct {
	Realm    Realm
	Network  [32]byte  // SHA-256 of the network's name
	Static   *Static   // our transport key of that realm and network
	Features uint64    // bits that the other side is told
	Now      time.Time // our clock
	Built    time.Time // the program's build date: no clock can be right that is before it
	Rand     io.Reader // crypto/rand.Reader if nil
}

// Target is whom an initiator wants. In realm [Chat] a listener answers only
// those who name it by a dial key: its ID, or what it calls itself on a LAN.
type Target struct {
	ID      identity.ID // zero: whoever knows the DialKey, but not ourselves
	DialKey []byte      // none in realm DHT
}

// Session is what a handshake gives: who is there and the keys to talk to it.
type Session struct {
	Peer     identity.ID
	Static   [32]byte // the peer's transport key, the same until it restarts or a day has passed
	Features uint64   // the peer's
	Binding  [32]byte // names this session: the hash of all that was said
	DialKey  []byte   // the key by which the initiator named the responder
	Send     *Sealer
	Recv     *Opener
}

// Format hides the session's keys from every verb of fmt.
func (s *Session) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "[session with %s]", s.Peer.Short())
}

// LogValue hides the session's keys from slog.
func (s *Session) LogValue() slog.Value { return slog.AnyValue(s.Peer) }

// Handshake is one side of a handshake under way. It is not safe for
// concurrent use.
type Handshake struct {
	cfg     Config
	next    func(frame []byte) ([]byte, error) // nil when dead or done
	noise   *noise.HandshakeState
	dial    []byte // the proof on frame 1; empty in realm DHT
	session *Session
	skew    time.Duration
}

// Next takes the content of the next frame of the other side and returns the
// bytes to send, which may be none.
func (h *Handshake) Next(frame []byte) ([]byte, error) {
	step := h.next
	h.next = nil
	if step == nil {
		return nil, errors.New("handshake is over")
	}
	if len(frame) > MaxFrame {
		return nil, fmt.Errorf("handshake frame of %d bytes, at most %d are allowed", len(frame), MaxFrame)
	}
	return step(frame)
}

// Session returns the outcome, nil before the handshake is done. On the
// responder's side the last bytes that [Handshake.Next] returned have to be
// sent all the same.
func (h *Handshake) Session() *Session { return h.session }

// Skew returns by how much the peer's clock differs from ours at least, as
// its transport key shows; positive if it is ahead, 0 if unknown or in order.
func (h *Handshake) Skew() time.Duration { return h.skew }

// Format hides the handshake's secrets from every verb of fmt.
func (h *Handshake) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[handshake]") }

// LogValue hides the handshake's secrets from slog.
func (h *Handshake) LogValue() slog.Value { return slog.StringValue("[handshake]") }

func newHandshake(cfg Config) (*Handshake, error) {
	if cfg.Realm != Chat && cfg.Realm != DHT {
		return nil, fmt.Errorf("handshake: no realm %q", byte(cfg.Realm))
	}
	if cfg.Static == nil || cfg.Static.realm != cfg.Realm || cfg.Static.network != cfg.Network {
		return nil, errors.New("handshake: the transport key is not of this realm and network")
	}
	if cfg.Now.Before(cfg.Built) {
		cfg.Now = cfg.Built
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	return &Handshake{cfg: cfg}, nil
}

// startNoise makes the Noise state. It computes no Diffie-Hellman yet.
func (h *Handshake) startNoise(initiator bool) error {
	prologue := append([]byte(kdf.Prologue), byte(h.cfg.Realm))
	prologue = append(prologue, h.cfg.Network[:]...)
	keys := &dh{static: h.cfg.Static.key}
	var err error
	h.noise, err = noise.NewHandshakeState(noise.Config{
		CipherSuite:           noise.NewCipherSuite(keys, noise.CipherChaChaPoly, noise.HashSHA256),
		Random:                h.cfg.Rand,
		Pattern:               noise.HandshakeXX,
		Initiator:             initiator,
		Prologue:              prologue,
		PresharedKeyPlacement: 3, // set when the KEM has given it
		StaticKeypair:         keys.staticPair(),
	})
	return err
}

// begin makes the session of the peer that c shows, once both halves of the
// Noise handshake are over.
func (h *Handshake) begin(c card, send, recv *noise.CipherState, dialKey []byte) *Session {
	return &Session{
		Peer:     c.ID,
		Static:   [32]byte(h.noise.PeerStatic()),
		Features: c.Features,
		Binding:  [32]byte(h.noise.ChannelBinding()), // a copy: noise returns its own memory
		DialKey:  dialKey,
		Send:     newSealer(send.UnsafeKey()),
		Recv:     newOpener(recv.UnsafeKey()),
	}
}

// appendFrame appends the frame that carries body.
func appendFrame(b, body []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(body)))
	return append(b, body...)
}
