package handshake

import (
	"bytes"
	"crypto/mlkem"
	"errors"
	"fmt"
	"io"

	"github.com/flynn/noise"

	"dione/crypto/cborx"
	"dione/crypto/identity"
)

// initiator is the state between its steps.
type initiator struct {
	*Handshake
	target     Target
	kem        *mlkem.DecapsulationKey768
	send, recv *noise.CipherState
	peer       card
}

// Dial begins a handshake and returns the first bytes to send: the realm and
// frame 1. Two frames have to be answered by [Handshake.Next].
func Dial(cfg Config, t Target) (*Handshake, []byte, error) {
	h, err := newHandshake(cfg)
	if err != nil {
		return nil, nil, err
	}
	if (len(t.DialKey) > 0) != (cfg.Realm == Chat) {
		return nil, nil, errors.New("handshake: realm chat is dialled with a key, realm DHT without")
	}
	if t.ID == cfg.Static.card.ID {
		return nil, nil, ErrOwnID
	}
	i := &initiator{Handshake: h, target: Target{ID: t.ID, DialKey: bytes.Clone(t.DialKey)}}

	seed := make([]byte, mlkem.SeedSize)
	if _, err := io.ReadFull(h.cfg.Rand, seed); err != nil {
		return nil, nil, fmt.Errorf("handshake: %w", err)
	}
	if i.kem, err = mlkem.NewDecapsulationKey768(seed); err != nil {
		return nil, nil, fmt.Errorf("handshake: %w", err)
	}
	payload, err := cborx.Marshal(&offer{EK: [mlkem.EncapsulationKeySize768]byte(i.kem.EncapsulationKey().Bytes())})
	if err != nil {
		return nil, nil, err
	}
	if err := i.startNoise(true); err != nil {
		return nil, nil, err
	}
	frame, _, _, err := i.noise.WriteMessage(nil, payload)
	if err != nil {
		return nil, nil, fmt.Errorf("handshake: %w", err)
	}
	if cfg.Realm == Chat {
		i.dial = dialProof(t.DialKey, frame)
		frame = append(frame, i.dial...)
	}
	h.next = i.frame2
	return h, appendFrame([]byte{byte(cfg.Realm)}, frame), nil
}

// frame2 learns who answers. Only if that is whom we want does it show who we
// are, in frame 3.
func (i *initiator) frame2(frame []byte) ([]byte, error) {
	payload, _, _, err := i.noise.ReadMessage(nil, frame)
	if err != nil {
		return nil, fmt.Errorf("open frame 2: %w", err)
	}
	var a answer
	if err := cborx.Unmarshal(payload, &a, MaxFrame); err != nil {
		return nil, fmt.Errorf("decode frame 2: %w", err)
	}
	if err := i.check(a.card, i.noise.PeerStatic()); err != nil {
		return nil, err
	}
	if want := i.target.ID; want != (identity.ID{}) && a.ID != want {
		return nil, fmt.Errorf("%w: %s instead of %s", ErrWrongPeer, a.ID, want)
	}
	secret, err := i.kem.Decapsulate(a.CT[:])
	if err != nil {
		return nil, err
	}
	if err := i.noise.SetPresharedKey(secret); err != nil {
		return nil, err
	}

	mine := i.cfg.Static.card
	mine.Features = i.cfg.Features
	if payload, err = cborx.Marshal(&mine); err != nil {
		return nil, err
	}
	// The first of the two states is the initiator's way to the responder.
	reply, send, recv, err := i.noise.WriteMessage(nil, payload)
	if err != nil {
		return nil, fmt.Errorf("seal frame 3: %w", err)
	}
	i.peer, i.send, i.recv = a.card, send, recv
	i.next = i.ready
	return appendFrame(nil, reply), nil
}

// ready hears that the responder has the same keys and took the same words.
func (i *initiator) ready(record []byte) ([]byte, error) {
	s := i.begin(i.peer, i.send, i.recv, i.target.DialKey)
	got, err := s.Recv.Open(record)
	if err != nil {
		return nil, fmt.Errorf("open \"ready\": %w", err)
	}
	want, err := readyBytes(s.Binding, i.dial)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(got, want) {
		return nil, errors.New("\"ready\" is not about this handshake")
	}
	i.session = s
	return nil, nil
}
