package ratchet

import (
	"encoding/binary"

	"dione/crypto/parcel"
)

// header is what a package says of its place before it is read.
type header struct {
	dh    [32]byte // ratchet key of the chain
	pn    uint32   // length of the sender's chain before it
	n     uint32   // index in the chain
	flags [8]byte  // zero in this version; a reader ignores what it does not know
}

const headerSize = 48

func (h header) encode() (b [headerSize]byte) {
	copy(b[:], h.dh[:])
	binary.BigEndian.PutUint32(b[32:], h.pn)
	binary.BigEndian.PutUint32(b[36:], h.n)
	copy(b[40:], h.flags[:])
	return b
}

// openHeader decrypts the header of core, if key is its header key.
func openHeader(core *parcel.Core, key [32]byte) (h header, ok bool) {
	var buf [headerSize]byte
	b, err := aead(key).Open(buf[:0], core[:parcel.NonceSize], core[parcel.NonceSize:parcel.NonceSize+parcel.HeaderSize], nil)
	if err != nil {
		return header{}, false
	}
	h = header{dh: [32]byte(b), pn: binary.BigEndian.Uint32(b[32:]), n: binary.BigEndian.Uint32(b[36:])}
	copy(h.flags[:], b[40:])
	return h, true
}

// openBody decrypts the body of core.
func (s *Session) openBody(core *parcel.Core, key [32]byte) (body [parcel.BodySize]byte, ok bool) {
	const body0 = parcel.NonceSize + parcel.HeaderSize
	ad := append(s.ad[:], core[:body0]...)
	_, err := aead(key).Open(body[:0], core[:parcel.NonceSize], core[body0:], ad)
	return body, err == nil
}
