package dht

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
	"slices"
)

// This file is a second encoder of net/PROTOCOL.md, section 8, written from its
// text with the standard library alone. It makes the vectors.

// refHead is the first byte of a CBOR item and the number in it.
func refHead(major byte, n uint64) []byte {
	switch {
	case n < 24:
		return []byte{major<<5 | byte(n)}
	case n < 1<<8:
		return []byte{major<<5 | 24, byte(n)}
	case n < 1<<16:
		return binary.BigEndian.AppendUint16([]byte{major<<5 | 25}, uint16(n))
	case n < 1<<32:
		return binary.BigEndian.AppendUint32([]byte{major<<5 | 26}, uint32(n))
	}
	return binary.BigEndian.AppendUint64([]byte{major<<5 | 27}, n)
}

func refUint(n uint64) []byte { return refHead(0, n) }

func refBytes(b []byte) []byte { return append(refHead(2, uint64(len(b))), b...) }

func refArray(items ...[]byte) []byte {
	return append(refHead(4, uint64(len(items))), slices.Concat(items...)...)
}

var refTrue = []byte{7<<5 | 21}

// refField is one field of a map; one without a value is left out.
type refField struct {
	key   byte
	value []byte
}

func refMap(fields ...refField) []byte {
	fields = slices.DeleteFunc(fields, func(f refField) bool { return f.value == nil })
	out := refHead(5, uint64(len(fields)))
	for _, f := range fields {
		out = append(append(out, f.key), f.value...)
	}
	return out
}

func refFrame(kind byte, id uint32, body []byte) []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(5+len(body)))
	out = binary.BigEndian.AppendUint32(append(out, kind), id)
	return append(out, body...)
}

func refAddr(ip string, port uint16) []byte {
	return refBytes(binary.BigEndian.AppendUint16(netip.MustParseAddr(ip).AsSlice(), port))
}

// refPackage makes a package or tombstone of crypto/PROTOCOL.md, section 9.
func refPackage(kind byte, expiry uint32, location [32]byte, seed [32]byte, core []byte) []byte {
	private := ed25519.NewKeyFromSeed(seed[:])
	envelope := binary.BigEndian.AppendUint32([]byte{1, kind}, expiry)
	envelope = append(append(envelope, location[:]...), private[32:]...)
	content := core
	if kind == 2 {
		sum := sha256.Sum256(core)
		content = sum[:]
	}
	signature := ed25519.Sign(private, slices.Concat([]byte("dione/1 package"), envelope, content))
	return slices.Concat(envelope, signature, content)
}

// refVectors returns the vectors by name: the id of each question and of its
// answer is 7, that of a notice 0.
func refVectors() map[string][]byte {
	hints := make([]byte, 24)
	for i := range hints {
		hints[i] = byte(i)
	}
	target := make([]byte, 32)
	key := make([]byte, 32)
	for i := range target {
		target[i], key[i] = byte(i), 0xa0+byte(i)
	}
	location, seed := sha256.Sum256([]byte("location")), sha256.Sum256([]byte("seed"))
	core := slices.Repeat([]byte{0xc0}, 890)
	data, stone := refPackage(1, 500_000, location, seed, core), refPackage(2, 500_000, location, seed, core)
	contact := refMap(refField{1, refBytes(key)}, refField{2, refArray(refAddr("192.0.2.7", 4000), refAddr("2001:db8::7", 4000))})
	result := func(n uint64) []byte { return refMap(refField{1, refUint(n)}) }
	return map[string][]byte{
		"unsupported":    refFrame(0, 7, refMap()),
		"ping":           refFrame(1, 7, refMap()),
		"ping server":    refFrame(1, 7, refMap(refField{1, refUint(4000)})),
		"ping dial":      refFrame(1, 7, refMap(refField{1, refUint(4000)}, refField{2, refTrue})),
		"pong":           refFrame(2, 7, refMap(refField{1, refAddr("192.0.2.7", 51000)}, refField{3, refUint(1795183200123)})),
		"pong dialled":   refFrame(2, 7, refMap(refField{1, refAddr("2001:db8::7", 51000)}, refField{2, refUint(255)}, refField{3, refUint(1795183200123)}, refField{4, refTrue})),
		"find":           refFrame(3, 7, refMap(refField{1, refBytes(target)})),
		"find server":    refFrame(3, 7, refMap(refField{1, refBytes(target)}, refField{2, refUint(4000)})),
		"found":          refFrame(4, 7, refMap(refField{1, refArray(contact)})),
		"found nobody":   refFrame(4, 7, refMap()),
		"store":          refFrame(5, 7, refMap(refField{1, refBytes(data)})),
		"stored kept":    refFrame(6, 7, refMap(refField{1, refUint(1)}, refField{2, refUint(499_900)})),
		"stored gone":    refFrame(6, 7, refMap(refField{1, refUint(2)}, refField{3, refBytes(stone)})),
		"stored full":    refFrame(6, 7, result(4)),
		"getmany":        refFrame(7, 7, refMap(refField{1, refBytes(hints)})),
		"got":            refFrame(8, 7, refMap(refField{1, refBytes([]byte{0b101})}, refField{2, refArray(refBytes(stone))})),
		"got nothing":    refFrame(8, 7, refMap()),
		"offer":          refFrame(9, 7, refMap(refField{1, refBytes(hints[:16])}, refField{2, refBytes(hints[16:])})),
		"wanted":         refFrame(10, 7, refMap(refField{1, refBytes([]byte{0b110})})),
		"wanted nothing": refFrame(10, 7, refMap()),
		"delete":         refFrame(11, 7, refMap(refField{1, refBytes(stone)})),
		"deleted":        refFrame(12, 7, refMap(refField{1, refUint(1)}, refField{2, refUint(500_048)})),
		"deleted far":    refFrame(12, 7, result(6)),
		"watch":          refFrame(13, 7, refMap(refField{1, refBytes(hints)})),
		"watch end":      refFrame(13, 7, refMap()),
		"watching":       refFrame(14, 7, refMap(refField{1, refUint(600)})),
		"watching not":   refFrame(14, 7, refMap()),
		"notify":         refFrame(15, 0, refMap(refField{1, refArray(refBytes(stone))})),
	}
}
