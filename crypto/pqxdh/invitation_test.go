package pqxdh

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"
	"strings"
	"testing"

	"dione/crypto/identity"
)

const letters = "abcdefghijklmnopqrstuvwxyz234567"

func TestInvitation(t *testing.T) {
	host := newPerson(t, "host")
	full := inv(host)
	long := full
	long.Addrs = [][]byte{bytes.Repeat([]byte{1}, MaxAddr), bytes.Repeat([]byte{2}, MaxAddr)}
	for _, tt := range []struct {
		name string
		inv  Invitation
		n    int
	}{
		{"no address", Invitation{full.Network, full.ID, full.V, nil}, 98},
		{"one of IPv4", Invitation{full.Network, full.ID, full.V, [][]byte{{4, 192, 168, 1, 5, 6, 15, 161}}}, 112},
		{"IPv4 and IPv6", Invitation{full.Network, full.ID, full.V, [][]byte{{4, 192, 168, 1, 5, 6, 15, 161}, full.Addrs[0]}}, 146},
		{"two of IPv6", full, 165},
		{"the longest", long, 306},
	} {
		text := tt.inv.String()
		if len(text) != tt.n {
			t.Errorf("%s: %d characters, want %d", tt.name, len(text), tt.n)
		}
		for _, form := range []string{
			text, tt.inv.QRText(), " \t" + text + "\r\n", text[:40] + "\n  " + text[40:80] + "\r\n\r\n" + text[80:],
			strings.Join(strings.Split(text, ""), " "), "Dione:" + strings.ToUpper(text[6:50]) + text[50:], "\u00a0" + text + "\u2028",
		} {
			got, err := ParseInvitation(form)
			if err != nil || got.String() != text || got.ID != tt.inv.ID || got.V != tt.inv.V || got.Network != tt.inv.Network ||
				!slices.EqualFunc(got.Addrs, tt.inv.Addrs, bytes.Equal) {
				t.Errorf("%s: ParseInvitation(%q) = %v, %v", tt.name, form, got, err)
			}
		}
	}

	// What does not fit is left out.
	full.Addrs = [][]byte{nil, make([]byte, MaxAddr+1), full.Addrs[0], {}, full.Addrs[1], {1}}
	if got, err := ParseInvitation(full.String()); err != nil || len(got.Addrs) != 2 || !bytes.Equal(got.Addrs[1], full.Addrs[4]) {
		t.Errorf("addresses that do not fit: %v, %v", got.Addrs, err)
	}
}

// TestInvitationFitsTheScreen: with two addresses of IPv6 the QR code is one
// of at most 41 modules, so it fits into 80×24 in half blocks.
func TestInvitationFitsTheScreen(t *testing.T) {
	const alphanumeric = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
	const version6L = 195 // characters that a QR code of version 6, level L, holds in that mode: ISO/IEC 18004, table 7
	text := inv(newPerson(t, "host")).QRText()
	if strings.Trim(text, alphanumeric) != "" || len(text) > version6L {
		t.Errorf("%q has %d characters, at most %d of the alphanumeric ones fit", text, len(text), version6L)
	}
}

// TestInvitationTypo changes every character into every other one, and does
// what else fingers do.
func TestInvitationTypo(t *testing.T) {
	text := inv(newPerson(t, "host")).String()
	wrong := func(what, s string) {
		t.Helper()
		if _, err := ParseInvitation(s); !errors.Is(err, ErrTypo) && !errors.Is(err, ErrNotInvitation) {
			t.Fatalf("%s: %v in %q", what, err, s)
		}
	}
	for i := len(scheme); i < len(text); i++ {
		for _, c := range letters + "0189-_=!é" {
			if string(c) != text[i:i+1] {
				wrong("another character", text[:i]+string(c)+text[i+1:])
			}
		}
		wrong("a character left out", text[:i]+text[i+1:])
		wrong("a character twice", text[:i]+text[i:i+1]+text[i:])
		wrong("the end is missing", text[:i])
		if i+1 < len(text) && text[i] != text[i+1] {
			wrong("two neighbours have changed places", text[:i]+text[i+1:i+2]+text[i:i+1]+text[i+2:])
		}
		for n := 2; n <= 5 && i+n <= len(text); n++ {
			run := []byte(text)
			for j := range n {
				at := strings.IndexByte(letters, run[i+j])
				run[i+j] = letters[(at+1+7*j*i%31)%32]
			}
			wrong("a run", string(run))
		}
	}
	for i := range scheme {
		wrong("another beginning", text[:i]+"x"+text[i+1:])
	}
}

func TestInvitationRefuses(t *testing.T) {
	good := inv(newPerson(t, "host"))
	// made encodes what an invitation may not contain, with a right checksum.
	made := func(b ...byte) string {
		return scheme + textEncoding.EncodeToString(binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli)))
	}
	body := append(append(append([]byte{1}, good.Network[:]...), good.ID[:]...), good.V[:]...)
	nobody := slices.Clone(body)
	clear(nobody[5:37])
	later := slices.Clone(body)
	later[0] = 2
	for _, tt := range []struct {
		name, text string
		is         error // nil: any
	}{
		{"nothing", "", ErrNotInvitation},
		{"a multiaddr", "/ip4/192.168.1.5/tcp/4001/p2p/12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq", ErrNotInvitation},
		{"another scheme", "diode:" + good.String()[6:], ErrNotInvitation},
		{"far too long", scheme + strings.Repeat("a", 2000), ErrNotInvitation},
		{"only blanks", strings.Repeat(" ", 2000), ErrNotInvitation},
		{"the scheme alone", "dione:", ErrTypo},
		{"a short one", "dione:aaaaaaa", ErrTypo},
		{"a Kelvin sign for a k", strings.ReplaceAll(good.String(), "k", "\u212a"), ErrTypo},
		{"a later version", made(later...), ErrNewer},
		{"a later version, and short", made(2), ErrNewer},
		{"too short inside", made(body[:52]...), nil},
		{"version alone", made(1), nil},
		{"nobody invites", made(nobody...), nil},
		{"an empty address", made(append(slices.Clone(body), 0)...), nil},
		{"an address that is cut off", made(append(slices.Clone(body), 2, 1)...), nil},
		{"an address too long", made(append(append(slices.Clone(body), MaxAddr+1), make([]byte, MaxAddr+1)...)...), nil},
		{"three addresses", made(append(slices.Clone(body), 1, 1, 1, 2, 1, 3)...), nil},
	} {
		got, err := ParseInvitation(tt.text)
		if err == nil || tt.is != nil && !errors.Is(err, tt.is) {
			t.Errorf("%s: %v, %v, want %v", tt.name, got, err, tt.is)
		}
		if tt.is == nil && (errors.Is(err, ErrTypo) || errors.Is(err, ErrNewer)) {
			t.Errorf("%s: %v, which it is not", tt.name, err)
		}
	}
	if _, err := ParseInvitation(made(append(slices.Clone(body), 1, 1, 1, 2)...)); err != nil {
		t.Errorf("the invitation that the others are made of: %v", err)
	}
}

// TestProof: nobody can use another's proof, for another host, or without V.
func TestProof(t *testing.T) {
	v, guest, host := [16]byte{1}, identity.ID{2}, identity.ID{3}
	proof := Proof(v, guest, host)
	if proof != Proof(v, guest, host) {
		t.Error("a proof is another one each time")
	}
	for name, other := range map[string][16]byte{
		"another invitation": Proof([16]byte{9}, guest, host),
		"another guest":      Proof(v, identity.ID{9}, host),
		"another host":       Proof(v, guest, identity.ID{9}),
		"both exchanged":     Proof(v, host, guest),
	} {
		if other == proof {
			t.Errorf("%s: the same proof", name)
		}
	}
	if ForInvitation(v) == ForInvitation([16]byte{9}) || ForContact(guest) == ForReset(guest) || ForContact(guest) == ForContact(host) {
		t.Error("two recipients are the same")
	}
}
