package pqxdh

import (
	"bytes"
	"crypto/sha256"
	"maps"
	"os"
	"regexp"
	"strings"
	"testing"

	"dione/internal/vectors"
)

// invitationText is the text of the invitation in crypto/PROTOCOL.md.
func invitationText(tb testing.TB) string {
	tb.Helper()
	page, err := os.ReadFile("../PROTOCOL.md")
	if err != nil {
		tb.Fatal(err)
	}
	m := regexp.MustCompile("(?ms)^```invitation\n(.*?)^```").FindSubmatch(page)
	if m == nil {
		tb.Fatal("no invitation in PROTOCOL.md")
	}
	return string(m[1])
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
	want, text := vectors.Read(t, "../PROTOCOL.md", "pqxdh"), invitationText(t)
	second := refVectors()
	values, secondText := refInvitation()
	maps.Copy(second, values)
	vectors.Same(t, "the second implementation", "pqxdh", second, want)
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
	vectors.Same(t, "the implementation", "pqxdh", got, want)

	parsed, err := ParseInvitation(text)
	if err != nil || parsed.String() != i.String() || parsed.V != i.V {
		t.Errorf("the invitation of the specification: %v", err)
	}
}

// TestVectorsAnswered: the responder's half, from what is written down alone.
func TestVectorsAnswered(t *testing.T) {
	want := vectors.Read(t, "../PROTOCOL.md", "pqxdh")
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
