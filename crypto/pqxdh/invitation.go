package pqxdh

import (
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"strings"
	"unicode"

	"dione/crypto/identity"
	"dione/crypto/kdf"
)

const (
	// scheme is how every invitation begins.
	scheme = "dione:"

	// invitationVersion is the first byte of what stands behind it.
	invitationVersion = 1

	// MaxAddrs and MaxAddr bound the addresses in an invitation: it has to be
	// short enough to be read out or photographed.
	MaxAddrs, MaxAddr = 2, 64

	// maxText bounds what is looked at: twice the longest invitation, for the
	// blanks and line breaks that it may have picked up.
	maxText = 1024
)

// Errors on which callers act.
var (
	ErrNotInvitation = errors.New("not an invitation, which begins with \"dione:\"")
	ErrTypo          = errors.New("the invitation is not complete, or a character is wrong")
	ErrNewer         = errors.New("the invitation is of a newer version of dione")
)

var (
	textEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)
	castagnoli   = crc32.MakeTable(crc32.Castagnoli)
)

// Invitation lets whoever has it make one session with ID. Since V is a
// secret, it hides itself from fmt, slog and JSON; only its methods show it.
type Invitation struct {
	Network [4]byte     // first bytes of the network's hash
	ID      identity.ID // who invites
	V       [16]byte    // random, of this invitation alone
	Addrs   [][]byte    // binary multiaddrs where ID may be found
}

// String returns the invitation as people pass it on: "dione:" and small
// letters and digits. An address that is empty or longer than [MaxAddr] is
// left out, and so is what comes after [MaxAddrs] of them: they are hints.
func (inv Invitation) String() string {
	b := append([]byte{invitationVersion}, inv.Network[:]...)
	b = append(b, inv.ID[:]...)
	b = append(b, inv.V[:]...)
	n := 0
	for _, a := range inv.Addrs {
		if n < MaxAddrs && 0 < len(a) && len(a) <= MaxAddr {
			b = append(append(b, byte(len(a))), a...)
			n++
		}
	}
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	return scheme + textEncoding.EncodeToString(b)
}

// QRText returns the same in capital letters, which a QR code holds in 5.5
// bits each instead of 8.
func (inv Invitation) QRText() string { return strings.ToUpper(inv.String()) }

// ParseInvitation reads an invitation. Capital letters, blanks and line
// breaks make no difference. The checksum finds every wrong character, all
// that changed places with their neighbour and every run of up to five.
func ParseInvitation(text string) (Invitation, error) {
	if len(text) > maxText {
		return Invitation{}, fmt.Errorf("%w: this has %d characters", ErrNotInvitation, len(text))
	}
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return -1
		case 'A' <= r && r <= 'Z':
			return r - 'A' + 'a'
		}
		return r
	}, text)
	text, ok := strings.CutPrefix(text, scheme)
	if !ok {
		return Invitation{}, ErrNotInvitation
	}
	b, err := textEncoding.DecodeString(text)
	// The decoder overlooks the bits behind the last byte.
	if err != nil || len(b) <= 4 || textEncoding.EncodeToString(b) != text {
		return Invitation{}, ErrTypo
	}
	b, sum := b[:len(b)-4], binary.LittleEndian.Uint32(b[len(b)-4:])
	switch { // in every version the checksum stands at the end
	case crc32.Checksum(b, castagnoli) != sum:
		return Invitation{}, ErrTypo
	case b[0] != invitationVersion:
		return Invitation{}, ErrNewer
	}
	return parseInvitation(b[1:])
}

// parseInvitation reads what stands between version and checksum. What is
// wrong there was made so: a typo does not get this far.
func parseInvitation(b []byte) (Invitation, error) {
	var inv Invitation
	if len(b) < len(inv.Network)+len(inv.ID)+len(inv.V) {
		return Invitation{}, errors.New("invitation: too short")
	}
	b = b[copy(inv.Network[:], b):]
	b = b[copy(inv.ID[:], b):]
	b = b[copy(inv.V[:], b):]
	if inv.ID.IsZero() {
		return Invitation{}, errors.New("invitation: nobody invites")
	}
	for len(b) > 0 {
		n := int(b[0])
		if n < 1 || n > MaxAddr || n >= len(b) || len(inv.Addrs) == MaxAddrs {
			return Invitation{}, errors.New("invitation: addresses are not in order")
		}
		inv.Addrs = append(inv.Addrs, b[1:1+n])
		b = b[1+n:]
	}
	return inv, nil
}

// LogValue shows slog who invites, and not the secret.
func (inv Invitation) LogValue() slog.Value { return slog.AnyValue(inv.ID) }

// Format hides the secret from every verb of fmt.
func (inv Invitation) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "[invitation of %s]", inv.ID.Short())
}

// MarshalText hides an invitation inside a value that is logged or encoded.
func (Invitation) MarshalText() ([]byte, error) { return []byte("[invitation]"), nil }

// Proof is what guest shows to host over a live link instead of v: host finds
// the invitation by it, and nobody else can use it. Compare it in constant
// time.
func Proof(v [16]byte, guest, host identity.ID) [16]byte {
	info := kdf.Proof + kdf.Label(guest[:]) + kdf.Label(host[:])
	return [16]byte(kdf.Expand(InvitationKey(v), info, 16))
}

// InvitationKey makes the key from which everything about an invitation is
// derived, of [kdf.Size] bytes. It is extracted first: v is shorter than what [kdf.Expand] takes.
func InvitationKey(v [16]byte) []byte {
	key := kdf.Extract(v[:], []byte(kdf.Invitation))
	return key[:]
}
