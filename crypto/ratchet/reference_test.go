package ratchet

// This file is a second implementation of crypto/PROTOCOL.md, sections 8 and 9,
// written from its text with the standard library and x/crypto alone. It makes
// the vectors. It forgets nothing, limits nothing and is slow.

import (
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
)

// refEnd is one end of a session.
type refEnd struct {
	initiator bool
	ad        []byte
	newest    int             // epoch
	rk        map[int][]byte  // root keys
	hk, ak    map[int][]byte  // header keys, and a_0 of the address chains
	ck        map[int][]byte  // CK before message 0
	dh        map[int][]byte  // private ratchet keys of our chains, public ones of theirs
	count     map[int]uint32  // messages that we sealed
	found     map[string]bool // opened: epoch/n
}

func refHKDF(prk []byte, info string, n int) (out []byte) {
	var last []byte
	for i := byte(1); len(out) < n; i++ {
		mac := hmac.New(sha256.New, prk)
		mac.Write(last)
		mac.Write([]byte(info))
		mac.Write([]byte{i})
		last = mac.Sum(nil)
		out = append(out, last...)
	}
	return out[:n]
}

func refDH(private, public []byte) []byte {
	k, err := ecdh.X25519().NewPrivateKey(private)
	if err != nil {
		panic(err)
	}
	p, err := ecdh.X25519().NewPublicKey(public)
	if err != nil {
		panic(err)
	}
	shared, err := k.ECDH(p)
	if err != nil {
		panic(err)
	}
	return shared
}

func refPublic(private []byte) []byte {
	k, err := ecdh.X25519().NewPrivateKey(private)
	if err != nil {
		panic(err)
	}
	return k.PublicKey().Bytes()
}

// newRef begins a session: spk is the private half for the responder, the
// public one for the initiator.
func newRef(initiator bool, sk, ad, spk []byte) *refEnd {
	b := refHKDF(sk, "dione/1 session", 160)
	return &refEnd{
		initiator: initiator,
		ad:        ad,
		rk:        map[int][]byte{0: b[:32]},
		hk:        map[int][]byte{1: b[32:64], 2: b[64:96]},
		ak:        map[int][]byte{1: b[96:128], 2: b[128:160]},
		ck:        map[int][]byte{},
		dh:        map[int][]byte{0: spk},
		count:     map[int]uint32{},
		found:     map[string]bool{},
	}
}

// root takes the root step of epoch e.
func (r *refEnd) root(e int, shared []byte) {
	mac := hmac.New(sha256.New, r.rk[e-1])
	mac.Write(shared)
	b := refHKDF(mac.Sum(nil), "dione/1 root", 128)
	r.rk[e], r.ck[e], r.hk[e+2], r.ak[e+2] = b[:32], b[32:64], b[64:96], b[96:128]
	r.newest = e
}

// keys returns mk_n of a chain, the chain key behind it, seed_n and a_{n+1}.
func (r *refEnd) keys(e int, n uint32) (mk, ck, seed, a []byte) {
	ck, a = r.ck[e], r.ak[e]
	for i := uint32(0); i <= n; i++ {
		b := refHKDF(ck, "dione/1 message", 64)
		ck, mk = b[:32], b[32:]
		b = refHKDF(a, "dione/1 address", 64)
		a, seed = b[:32], b[32:]
	}
	return mk, ck, seed, a
}

func refAddress(seed []byte) []byte {
	public := ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)
	sum := sha256.Sum256(append([]byte("dione/1 address"), public...))
	return sum[:]
}

// seal makes the next core. key, 32 random bytes, is used if it begins a chain.
func (r *refEnd) seal(body, nonce, key []byte) (e int, n uint32, core, seed []byte) {
	e = r.newest
	if mine := e%2 == 1 == r.initiator && e > 0; !mine {
		e++
		r.dh[e] = key
		r.root(e, refDH(key, r.dh[e-1]))
	}
	n = r.count[e]
	r.count[e]++
	head := append([]byte(nil), refPublic(r.dh[e])...)
	head = binary.BigEndian.AppendUint32(head, r.count[e-2])
	head = binary.BigEndian.AppendUint32(head, n)
	head = append(head, make([]byte, 8)...)
	mk, _, seed, _ := r.keys(e, n)
	core = append(core, nonce...)
	core = append(core, refAEAD(r.hk[e]).Seal(nil, nonce, head, nil)...)
	core = append(core, refAEAD(mk).Seal(nil, nonce, body, append(append([]byte(nil), r.ad...), core...))...)
	return e, n, core, seed
}

// open reads a core.
func (r *refEnd) open(core []byte) (e int, n uint32, body, seed []byte, err error) {
	for e := r.newest + 1; e > 0; e-- {
		if mine := e%2 == 1 == r.initiator; mine {
			continue
		}
		head, err := refAEAD(r.hk[e]).Open(nil, core[:24], core[24:88], nil)
		if err != nil {
			continue
		}
		if e > r.newest {
			r.dh[e] = head[:32]
			r.root(e, refDH(r.dh[e-1], r.dh[e]))
		}
		n := binary.BigEndian.Uint32(head[36:])
		mk, _, seed, _ := r.keys(e, n)
		body, err := refAEAD(mk).Open(nil, core[:24], core[88:], append(append([]byte(nil), r.ad...), core[:88]...))
		if err != nil {
			return 0, 0, nil, nil, err
		}
		name := fmt.Sprint(e, "/", n)
		if r.found[name] {
			return 0, 0, nil, nil, errors.New("twice")
		}
		r.found[name] = true
		return e, n, body, seed, nil
	}
	return 0, 0, nil, nil, errors.New("no header key")
}

// secrets returns every key of a chain up to and with message n.
func (r *refEnd) secrets(e int, n uint32) (all [][]byte) {
	for i := range n + 1 {
		mk, ck, seed, a := r.keys(e, i)
		if i == 0 {
			all = append(all, r.ck[e], r.ak[e])
		}
		if i < n {
			all = append(all, ck, a)
		}
		all = append(all, mk, seed)
	}
	return all
}

// refEnvelope is a whole package: kind 1 around a core, kind 2 around its hash.
func refEnvelope(kind byte, content, seed, location []byte, expiry uint32) []byte {
	key := ed25519.NewKeyFromSeed(seed)
	b := binary.BigEndian.AppendUint32([]byte{1, kind}, expiry)
	b = append(append(b, location...), key[32:]...)
	signature := ed25519.Sign(key, append(append([]byte("dione/1 package"), b...), content...))
	return append(append(b, signature...), content...)
}

func refAEAD(key []byte) cipher.AEAD {
	a, err := chacha20poly1305.NewX(key)
	if err != nil {
		panic(err)
	}
	return a
}
