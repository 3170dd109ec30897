package handshake

import (
	"bytes"
	"crypto/hmac"
	"crypto/mlkem"
	"errors"
	"fmt"

	"dione/crypto/cborx"
)

// responder is the state between its steps.
type responder struct {
	*Handshake
	keys        [][]byte
	dialKey     []byte // the one of keys that was used
	encapsulate func(*mlkem.EncapsulationKey768) (secret, ciphertext []byte)
}

// Answer begins the other side of a handshake, when the realm byte has been
// read. Two frames have to be answered by [Handshake.Next]. In realm [Chat]
// the initiator has to name us by one of keys.
func Answer(cfg Config, keys ...[]byte) (*Handshake, error) {
	r, err := newResponder(cfg, keys)
	if err != nil {
		return nil, err
	}
	return r.Handshake, nil
}

func newResponder(cfg Config, keys [][]byte) (*responder, error) {
	h, err := newHandshake(cfg)
	if err != nil {
		return nil, err
	}
	if (len(keys) > 0) != (cfg.Realm == Chat) {
		return nil, errors.New("handshake: realm chat is answered by a key, realm DHT without")
	}
	r := &responder{Handshake: h, keys: keys, encapsulate: (*mlkem.EncapsulationKey768).Encapsulate}
	h.next = r.frame1
	return r, nil
}

// frame1 looks at the dial proof first; nothing costly is done without it.
func (r *responder) frame1(frame []byte) ([]byte, error) {
	message := frame
	if r.cfg.Realm == Chat {
		if len(frame) < dialSize {
			return nil, errors.New("frame 1 is too short")
		}
		message, r.dial = frame[:len(frame)-dialSize], bytes.Clone(frame[len(frame)-dialSize:])
	}
	if len(message) != frame1Size {
		return nil, fmt.Errorf("message 1 of %d bytes, want %d", len(message), frame1Size)
	}
	if r.cfg.Realm == Chat && !r.named(message) {
		return nil, errors.New("not dialled by a key of ours")
	}

	if err := r.startNoise(false); err != nil {
		return nil, err
	}
	payload, _, _, err := r.noise.ReadMessage(nil, message)
	if err != nil {
		return nil, fmt.Errorf("open frame 1: %w", err)
	}
	var o offer
	if err := cborx.Unmarshal(payload, &o, offerSize); err != nil {
		return nil, fmt.Errorf("decode frame 1: %w", err)
	}
	ek, err := mlkem.NewEncapsulationKey768(o.EK[:])
	if err != nil {
		return nil, fmt.Errorf("KEM key of frame 1: %w", err)
	}
	secret, ciphertext := r.encapsulate(ek)
	if err := r.noise.SetPresharedKey(secret); err != nil {
		return nil, err
	}

	a := answer{card: r.cfg.Static.card, CT: [mlkem.CiphertextSize768]byte(ciphertext)}
	a.Features = r.cfg.Features
	if payload, err = cborx.Marshal(&a); err != nil {
		return nil, err
	}
	reply, _, _, err := r.noise.WriteMessage(nil, payload)
	if err != nil {
		return nil, fmt.Errorf("seal frame 2: %w", err) // a point of low order comes to light here
	}
	r.next = r.frame3
	return appendFrame(nil, reply), nil
}

// named finds the key by which the initiator named us. All keys are tried,
// so that the time tells neither whether nor which.
func (r *responder) named(message []byte) bool {
	for _, key := range r.keys {
		if hmac.Equal(dialProof(key, message), r.dial) {
			r.dialKey = bytes.Clone(key)
		}
	}
	return r.dialKey != nil
}

// frame3 learns who dialled and says "ready", in the first record.
func (r *responder) frame3(frame []byte) ([]byte, error) {
	payload, recv, send, err := r.noise.ReadMessage(nil, frame)
	if err != nil {
		return nil, fmt.Errorf("open frame 3: %w", err)
	}
	var c card
	if err := cborx.Unmarshal(payload, &c, MaxFrame); err != nil {
		return nil, fmt.Errorf("decode frame 3: %w", err)
	}
	if err := r.check(c, r.noise.PeerStatic()); err != nil {
		return nil, err
	}
	s := r.begin(c, send, recv, r.dialKey)
	ready, err := readyBytes(s.Binding, r.dial)
	if err != nil {
		return nil, err
	}
	record := append(make([]byte, Head, 2*minRecord), ready...)
	r.session = s
	return s.Send.Seal(record), nil
}
