package rendezvous

// This file is a second implementation of crypto/PROTOCOL.md, section 11,
// written from its text with the standard library and x/crypto alone. It makes
// the vectors.

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"golang.org/x/crypto/chacha20poly1305"

	"dione/internal/vectors"
)

func refExpand(prk []byte, info string, n int) (out []byte) {
	var last []byte
	for i := byte(1); len(out) < n; i++ {
		last = refHMAC(prk, last, []byte(info), []byte{i})
		out = append(out, last...)
	}
	return out[:n]
}

func refHMAC(key []byte, parts ...[]byte) []byte {
	mac := hmac.New(sha256.New, key)
	for _, p := range parts {
		mac.Write(p)
	}
	return mac.Sum(nil)
}

func refHash(parts ...[]byte) []byte {
	sum := sha256.Sum256(slices.Concat(parts...))
	return sum[:]
}

// refHead is the head of a CBOR item.
func refHead(major byte, n int) []byte {
	switch major <<= 5; {
	case n < 24:
		return []byte{major | byte(n)}
	case n < 1<<8:
		return []byte{major | 24, byte(n)}
	}
	return binary.BigEndian.AppendUint16([]byte{major | 25}, uint16(n))
}

func refBytes(b []byte) []byte { return append(refHead(2, len(b)), b...) }
func refText(s string) []byte  { return append(refHead(3, len(s)), s...) }

// refMap is a map of encoded items, with the keys 1, 2, 3 …, without those
// that are nil.
func refMap(items ...[]byte) []byte {
	n, out := 0, []byte(nil)
	for i, v := range items {
		if v != nil {
			n++
			out = append(append(out, refHead(0, i+1)...), v...)
		}
	}
	return append(refHead(5, n), out...)
}

// refChain is HK ‖ CK ‖ AK ‖ LK of a secret, and AD.
func refChain(secret []byte, direction, label string, network, maker []byte) (keys, ad []byte) {
	return refExpand(secret, "dione/1 intro "+direction, 128), refHash([]byte(label), network, maker)
}

// refSeal cuts a note into packages: their addresses and cores.
func refSeal(keys, ad, note []byte, random func(int) []byte) (addresses, cores [][]byte) {
	hk, ck, a := keys[:32], keys[32:64], keys[64:96]
	id := random(16)
	parts := (len(note) + 639) / 640
	for n := range parts {
		data := note[640*n : min(len(note), 640*n+640)]
		var part []byte
		if n > 0 {
			part = refHead(0, n)
		}
		body := refMap(refBytes(id), part, refHead(0, parts), nil, refBytes(data))
		body = append(body, 0x80)
		body = append(body, make([]byte, 786-len(body))...)

		b := refExpand(ck, "dione/1 message", 64)
		mk := b[32:]
		ck = b[:32]
		b = refExpand(a, "dione/1 address", 64)
		a = b[:32]
		public := ed25519.NewKeyFromSeed(b[32:]).Public().(ed25519.PublicKey)
		addresses = append(addresses, refHash([]byte("dione/1 address"), public))

		nonce := random(24)
		head := append(make([]byte, 36), binary.BigEndian.AppendUint32(nil, uint32(n))...)
		core := append(slices.Clone(nonce), refAEAD(hk, nonce, append(head, make([]byte, 8)...), nil)...)
		cores = append(cores, append(core, refAEAD(mk, nonce, body, append(slices.Clone(ad), core...))...))
	}
	return addresses, cores
}

func refAEAD(key, nonce, text, ad []byte) []byte {
	a, err := chacha20poly1305.NewX(key)
	if err != nil {
		panic(err)
	}
	return a.Seal(nil, nonce, text, ad)
}

// refVectors makes every vector of the section.
func refVectors(given map[string][]byte) map[string][]byte {
	network := refHash([]byte("main"))
	host, guest := given["pqxdh responder id"], given["pqxdh initiator id"]
	key, rs := given["pqxdh invitation key"], given["pqxdh rs"]
	all := make(map[string][]byte)
	for _, c := range []struct {
		name, direction, label string
		secret, maker          []byte
		parts                  int
	}{
		{"offer", "responder", "dione/1 on invitation", key, host, 3},
		{"answer", "initiator", "dione/1 on invitation", key, host, 4},
		{"reset initiator", "initiator", "dione/1 on reset", rs, host, 4},
		{"reset responder", "responder", "dione/1 on reset", rs, guest, 4},
	} {
		keys, ad := refChain(c.secret, c.direction, c.label, network, c.maker)
		addresses, cores := refSeal(keys, ad, refNote(c.parts), (&vectors.Stream{Label: "rendezvous"}).Take)
		var sums [][]byte
		for _, core := range cores {
			sums = append(sums, refHash(core))
		}
		all[c.name+" keys"] = append(keys, ad...)
		all[c.name+" addresses"], all[c.name+" cores"] = slices.Concat(addresses...), slices.Concat(sums...)
	}
	all["offer note"] = refHash(refMap(refBytes(given["pqxdh bundle"]), refText("bob")))
	all["intro note"] = refHash(refMap(refBytes(given["pqxdh intro"]), refBytes(given["ratchet core"]), refText("ann")))
	return all
}

// refNote is a note that takes so many parts: the bytes 0, 1, 2 … 250, 0 …
func refNote(parts int) []byte {
	note := make([]byte, 640*parts-40)
	for i := range note {
		note[i] = byte(i % 251)
	}
	return note
}
