package pqxdh

// This file is a second implementation of crypto/PROTOCOL.md, section 7,
// written from its text with the standard library alone: its own X25519, CBOR,
// HKDF, base32 and CRC. It makes the vectors. It checks nothing and is slow.

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/mlkem"
	"crypto/mlkem/mlkemtest"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/big"
	"slices"
)

// refStream returns the bytes SHA-256(label ‖ " " ‖ 0), SHA-256(label ‖ " 1") …
func refStream(label string) func(n int) []byte {
	var all []byte
	for i := range 16 {
		sum := sha256.Sum256([]byte(fmt.Sprintf("%s %d", label, i)))
		all = append(all, sum[:]...)
	}
	return func(n int) []byte {
		out := all[:n]
		all = all[n:]
		return out
	}
}

// refX25519 is RFC 7748, section 5.
func refX25519(scalar, point []byte) []byte {
	k := slices.Clone(scalar)
	k[0] &= 248
	k[31] = k[31]&127 | 64
	little := func(b []byte) *big.Int {
		b = slices.Clone(b)
		slices.Reverse(b)
		return new(big.Int).SetBytes(b)
	}
	p := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	mul := func(a, b *big.Int) *big.Int { c := new(big.Int).Mul(a, b); return c.Mod(c, p) }
	add := func(a, b *big.Int) *big.Int { c := new(big.Int).Add(a, b); return c.Mod(c, p) }
	sub := func(a, b *big.Int) *big.Int { c := new(big.Int).Sub(a, b); return c.Mod(c, p) }
	n, x1 := little(k), little(point)
	x2, z2, x3, z3 := big.NewInt(1), big.NewInt(0), x1, big.NewInt(1)
	for t := 254; t >= 0; t-- {
		if n.Bit(t) == 1 {
			x2, x3, z2, z3 = x3, x2, z3, z2
		}
		a, b, c, d := add(x2, z2), sub(x2, z2), add(x3, z3), sub(x3, z3)
		aa, bb, da, cb := mul(a, a), mul(b, b), mul(d, a), mul(c, b)
		e := sub(aa, bb)
		x3, z3 = add(da, cb), sub(da, cb)
		x3, z3 = mul(x3, x3), mul(x1, mul(z3, z3))
		x2, z2 = mul(aa, bb), mul(e, add(aa, mul(big.NewInt(121665), e)))
		if n.Bit(t) == 1 {
			x2, x3, z2, z3 = x3, x2, z3, z2
		}
	}
	out := mul(x2, new(big.Int).ModInverse(z2, p)).FillBytes(make([]byte, 32))
	slices.Reverse(out)
	return out
}

// refPublic multiplies the base point.
func refPublic(scalar []byte) []byte {
	return refX25519(scalar, append([]byte{9}, make([]byte, 31)...))
}

// refHead is the head of a CBOR item, RFC 8949, section 3.
func refHead(major byte, n uint64) []byte {
	switch major <<= 5; {
	case n < 24:
		return []byte{major | byte(n)}
	case n < 1<<8:
		return []byte{major | 24, byte(n)}
	case n < 1<<16:
		return binary.BigEndian.AppendUint16([]byte{major | 25}, uint16(n))
	case n < 1<<32:
		return binary.BigEndian.AppendUint32([]byte{major | 26}, uint32(n))
	}
	return binary.BigEndian.AppendUint64([]byte{major | 27}, n)
}

// refItem is one CBOR item: a number, a text, bytes, or null for nil.
func refItem(v any) []byte {
	switch v := v.(type) {
	case int:
		return refHead(0, uint64(v))
	case string:
		return append(refHead(3, uint64(len(v))), v...)
	case []byte:
		if v == nil {
			return []byte{0xf6}
		}
		return append(refHead(2, uint64(len(v))), v...)
	}
	panic("no such item")
}

func refArray(items ...any) []byte {
	out := refHead(4, uint64(len(items)))
	for _, v := range items {
		out = append(out, refItem(v)...)
	}
	return out
}

// refMap is a map with the keys 1, 2, 3 …, without those whose value is nil.
func refMap(items ...any) []byte {
	n, out := 0, []byte(nil)
	for i, v := range items {
		if b, ok := v.([]byte); ok && b == nil {
			continue
		}
		n++
		out = append(append(out, refHead(0, uint64(i+1))...), refItem(v)...)
	}
	return append(refHead(5, uint64(n)), out...)
}

func refHMAC(key []byte, parts ...[]byte) []byte {
	mac := hmac.New(sha256.New, key)
	for _, p := range parts {
		mac.Write(p)
	}
	return mac.Sum(nil)
}

// refExpand is HKDF-Expand for at most 32 bytes, of which it is one HMAC.
func refExpand(prk []byte, n int, info ...[]byte) []byte {
	return refHMAC(prk, append(info, []byte{1})...)[:n]
}

func refHash(parts ...[]byte) []byte {
	sum := sha256.Sum256(slices.Concat(parts...))
	return sum[:]
}

// refPerson is somebody's keys.
type refPerson struct {
	random func(int) []byte
	key    ed25519.PrivateKey
	id, ik []byte // ik is private
	cert   []byte
}

func newRefPerson(label string) refPerson {
	r := refPerson{random: refStream(label)}
	r.key = ed25519.NewKeyFromSeed(r.random(32))
	r.id = []byte(r.key.Public().(ed25519.PublicKey))
	r.ik = r.random(32)
	r.cert = ed25519.Sign(r.key, slices.Concat([]byte("dione/1 ik"), refPublic(r.ik)))
	return r
}

// refVectors carries out the set-up of crypto/PROTOCOL.md, section 7, with and
// without a one-time key, and returns all its values by their names there.
func refVectors() map[string][]byte {
	all := make(map[string][]byte)
	for _, reset := range []bool{false, true} {
		ann, bob := newRefPerson("initiator"), newRefPerson("responder")
		number, spk := bob.random(8), bob.random(32)
		var opk, opkPublic []byte
		forWhom := refHash([]byte("dione/1 for reset"), ann.id)
		if !reset {
			opk = bob.random(32)
			opkPublic = refPublic(opk)
			forWhom = refHash([]byte("dione/1 for contact"), ann.id)
		}
		kem := bob.random(64)
		dk, err := mlkem.NewDecapsulationKey768(kem)
		if err != nil {
			panic(err)
		}
		ek := ann.random(32)
		ss, ct, err := mlkemtest.Encapsulate768(dk.EncapsulationKey(), refHash([]byte("kem")))
		if err != nil {
			panic(err)
		}
		kpk := dk.EncapsulationKey().Bytes()
		signed := refMap(number, refPublic(bob.ik), refPublic(spk), opkPublic, kpk)
		sig := ed25519.Sign(bob.key, slices.Concat([]byte("dione/1 bundle"), signed))
		bundle := refMap(number, refPublic(bob.ik), refPublic(spk), opkPublic, kpk, bob.cert, forWhom, sig)
		secrets := refMap(1, number, ann.id, spk, opk, kem)
		intro := refMap(ann.id, refPublic(ann.ik), ann.cert, refPublic(ek), number, ct, 1, 20777)

		t := refHash(refArray("dione/1 pqxdh", ann.id, bob.id, refPublic(ann.ik), refPublic(bob.ik),
			refPublic(spk), opkPublic, kpk, refPublic(ek), ct, 1, 20777))
		secret := slices.Repeat([]byte{0xff}, 32)
		secret = append(secret, refX25519(spk, refPublic(ann.ik))...)
		secret = append(secret, refX25519(bob.ik, refPublic(ek))...)
		secret = append(secret, refX25519(spk, refPublic(ek))...)
		if opk != nil {
			secret = append(secret, refX25519(opk, refPublic(ek))...)
		}
		secret = append(secret, ss...)
		sk := refExpand(refHMAC(make([]byte, 32), secret), 32, []byte("dione/1 pqxdh"), t)

		values := map[string][]byte{
			"bundle": bundle, "secrets": secrets, "intro": intro, "t": t, "sk": sk,
			"sid":           refExpand(sk, 16, []byte("dione/1 sid")),
			"rs":            refExpand(sk, 32, []byte("dione/1 reset")),
			"lk initiator":  refExpand(sk, 32, []byte("dione/1 location initiator")),
			"lk responder":  refExpand(sk, 32, []byte("dione/1 location responder")),
			"initiator id":  ann.id,
			"initiator ik":  refPublic(ann.ik),
			"responder id":  bob.id,
			"responder ik":  refPublic(bob.ik),
			"responder spk": refPublic(spk),
		}
		if reset {
			values = map[string][]byte{"reset t": t, "reset sk": sk}
		}
		for name, b := range values {
			all[name] = b
		}
	}
	return all
}

// refInvitation returns the values of the invitation in the same section, and
// its text.
func refInvitation() (all map[string][]byte, text string) {
	guest, host := newRefPerson("initiator"), newRefPerson("responder")
	v := host.random(16)
	b := slices.Concat([]byte{1}, refHash([]byte("main"))[:4], host.id, v)
	for _, port := range []byte{1, 2} { // /ip6/2001:db8::1/tcp/4001 and /ip6/2001:db8::2/tcp/4001
		addr := slices.Concat([]byte{0x29, 0x20, 0x01, 0x0d, 0xb8}, make([]byte, 11), []byte{port, 0x06, 0x0f, 0xa1})
		b = append(append(b, byte(len(addr))), addr...)
	}
	crc := ^uint32(0)
	for _, c := range b {
		crc ^= uint32(c)
		for range 8 {
			crc = crc>>1 ^ 0x82f63b78&-(crc&1)
		}
	}
	b = binary.LittleEndian.AppendUint32(b, ^crc)
	bits := new(big.Int).SetBytes(b)
	n := (len(b)*8 + 4) / 5
	bits.Lsh(bits, uint(n*5-len(b)*8))
	for i := range n {
		five := new(big.Int).Rsh(bits, uint(5*(n-1-i)))
		text += string("abcdefghijklmnopqrstuvwxyz234567"[five.Uint64()&31])
	}
	key := refHMAC([]byte("dione/1 invitation"), v)
	return map[string][]byte{
		"invitation":     b,
		"invitation key": key,
		"for invitation": refExpand(key, 32, []byte("dione/1 for invitation")),
		"proof":          refExpand(key, 16, []byte("dione/1 proof"), guest.id, host.id),
	}, "dione:" + text
}
