package pqxdh

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"os"
	"regexp"
	"strings"
	"testing"
)

// vectors reads the blocks "```vector pqxdh NAME" of crypto/PROTOCOL.md, and
// the text of the invitation there.
func vectors(t testing.TB) (all map[string][]byte, invitation string) {
	t.Helper()
	page, err := os.ReadFile("../PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	all = make(map[string][]byte)
	for _, m := range regexp.MustCompile("(?ms)^```vector pqxdh ([^\n]+)\n(.*?)^```").FindAllSubmatch(page, -1) {
		b, err := hex.DecodeString(strings.Join(strings.Fields(string(m[2])), ""))
		if err != nil {
			t.Fatalf("vector %s: %v", m[1], err)
		}
		all[string(m[1])] = b
	}
	if m := regexp.MustCompile("(?ms)^```invitation\n(.*?)^```").FindSubmatch(page); m != nil {
		invitation = string(m[1])
	}
	return all, invitation
}

// same compares the vectors of the specification with those that who makes.
func same(t *testing.T, who string, got, want map[string][]byte) {
	t.Helper()
	for name, b := range got {
		if !bytes.Equal(want[name], b) {
			t.Errorf("%s: vector\n```vector pqxdh %s\n%s\n```", who, name, wrapped(b))
		}
	}
	for name := range want {
		if got[name] == nil {
			t.Errorf("%s: nobody tests the vector %s", who, name)
		}
	}
}

// wrapped writes b as the vectors are written.
func wrapped(b []byte) string {
	s := hex.EncodeToString(b)
	var out strings.Builder
	for len(s) > 128 {
		out.WriteString(s[:128] + "\n")
		s = s[128:]
	}
	return out.String() + s
}

// inv is the invitation of the specification, made by host.
func inv(host person) Invitation {
	network := sha256.Sum256([]byte("main"))
	i := Invitation{Network: [4]byte(network[:4]), ID: host.id()}
	_, _ = host.random.Read(i.V[:])
	for n := range 2 {
		a := append([]byte{0x29, 0x20, 0x01, 0x0d, 0xb8}, make([]byte, 15)...)
		a[16], a[17], a[18], a[19] = byte(n+1), 0x06, 0x0f, 0xa1
		i.Addrs = append(i.Addrs, a)
	}
	return i
}

func TestVectors(t *testing.T) {
	want, text := vectors(t)
	second := refVectors()
	values, secondText := refInvitation()
	maps.Copy(second, values)
	same(t, "the second implementation", second, want)
	if strings.Join(strings.Fields(text), "") != secondText {
		t.Errorf("the second implementation writes the invitation\n%s", secondText)
	}

	ann, bob := newPerson(t, "initiator"), newPerson(t, "responder")
	annID, bobID, annIK, bobIK := ann.id(), bob.id(), ann.IK.Public(), bob.IK.Public()
	b, s := bob.bundle(t, ForContact(annID))
	in, shared, err := ann.start(bobID, b, 1, day)
	if err != nil {
		t.Fatal(err)
	}
	rs, lki, lkr := shared.Reset(), shared.Location(true), shared.Location(false)
	got := map[string][]byte{
		"initiator id": annID[:], "initiator ik": annIK[:], "responder id": bobID[:], "responder ik": bobIK[:],
		"bundle": b.Encode(), "secrets": s.Encode(), "intro": in.Encode(), "responder spk": shared.Responder[:],
		"t": shared.T[:], "sk": shared.SK[:], "sid": shared.SID[:], "rs": rs[:], "lk initiator": lki[:], "lk responder": lkr[:],
	}

	ann, bob = newPerson(t, "initiator"), newPerson(t, "responder")
	b, _ = bob.bundle(t, ForReset(annID))
	_, again, err := ann.start(bobID, b, 1, day)
	if err != nil {
		t.Fatal(err)
	}
	got["reset t"], got["reset sk"] = again.T[:], again.SK[:]

	i := inv(newPerson(t, "responder"))
	raw, err := textEncoding.DecodeString(strings.TrimPrefix(i.String(), scheme))
	if err != nil {
		t.Fatal(err)
	}
	proof, tag := Proof(i.V, annID, bobID), ForInvitation(i.V).tag
	got["invitation"], got["invitation key"], got["for invitation"], got["proof"] = raw, InvitationKey(i.V), tag[:], proof[:]
	same(t, "the implementation", got, want)

	parsed, err := ParseInvitation(text)
	if err != nil || parsed.String() != i.String() || parsed.V != i.V {
		t.Errorf("the invitation of the specification: %v", err)
	}
}

// TestVectorsAnswered: the responder's half, from what is written down alone.
func TestVectorsAnswered(t *testing.T) {
	want, _ := vectors(t)
	s, err := DecodeSecrets(want["secrets"])
	if err != nil {
		t.Fatal(err)
	}
	in, err := DecodeIntro(want["intro"])
	if err != nil {
		t.Fatal(err)
	}
	bob := newPerson(t, "responder")
	shared, err := Answer(bob.Self, s, in)
	if err != nil || !bytes.Equal(shared.SK[:], want["sk"]) || !bytes.Equal(shared.T[:], want["t"]) {
		t.Errorf("Answer: %v, or another secret", err)
	}
}
