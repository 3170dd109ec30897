package ratchet

import (
	"crypto/rand"
	"testing"

	"dione/crypto/parcel"
)

// ackEvery is how many messages one acknowledgement covers in the benchmarks.
const ackEvery = 64

// BenchmarkOneWay seals and opens messages of 256 bytes, all in one direction,
// as a live link carries them.
func BenchmarkOneWay(b *testing.B) { oneWay(b, false) }

// BenchmarkOneWaySigned is the same with a signed package around each, which
// its reader checks.
func BenchmarkOneWaySigned(b *testing.B) { oneWay(b, true) }

func oneWay(b *testing.B, signed bool) {
	alice, bob := pair(b)
	fragment := parcel.Fragment{Message: [16]byte{1}, Parts: 1, Data: make([]byte, 256)}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		carry(b, alice, bob, fragment, signed)
		if i%ackEvery == 0 {
			acknowledge(b, alice, bob)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

// BenchmarkPingPong changes the direction after each message, so that each
// takes a step of the root.
func BenchmarkPingPong(b *testing.B) {
	alice, bob := pair(b)
	fragment := parcel.Fragment{Message: [16]byte{1}, Parts: 1, Data: make([]byte, 256)}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		carry(b, alice, bob, fragment, false)
		alice, bob = bob, alice
		if i%32 == 0 {
			acknowledge(b, alice, bob)
			acknowledge(b, bob, alice)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

func carry(b *testing.B, from, to *Session, f parcel.Fragment, signed bool) {
	body, err := f.Encode()
	if err != nil {
		b.Fatal(err)
	}
	sealed, err := from.Seal(rand.Reader, &body)
	if err != nil {
		b.Fatal(err)
	}
	core, hint := &sealed.Core, overLink
	if signed {
		whole := parcel.Seal(core, sealed.Seed, [32]byte{1}, 1)
		p, err := parcel.Check(whole[:])
		if err != nil {
			b.Fatal(err)
		}
		core, hint = p.Core, p.Address.Hint()
	}
	opened, err := to.Open(hint, core, 0)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := parcel.DecodeFragment(&opened.Body); err != nil {
		b.Fatal(err)
	}
}

func acknowledge(b *testing.B, from, to *Session) {
	if _, err := from.Acknowledged(to.Received(), true); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkEncode is what the store writes at each step, BenchmarkDecode what
// it reads at the start.
func BenchmarkEncode(b *testing.B) {
	s := resting(b)
	for b.Loop() {
		s.Encode()
	}
	b.ReportMetric(float64(len(s.Encode())), "bytes")
}

func BenchmarkDecode(b *testing.B) {
	enc := resting(b).Encode()
	for b.Loop() {
		if _, err := Decode(enc); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkWatch asks a session whose addresses are derived already.
func BenchmarkWatch(b *testing.B) {
	s := resting(b)
	for b.Loop() {
		s.Watch()
	}
}

// resting returns a session in the middle of a conversation, both windows open.
func resting(b *testing.B) *Session {
	alice, bob := pair(b)
	for range 3 {
		open(b, bob, seal(b, alice, "ping"), "ping")
		open(b, alice, seal(b, bob, "pong"), "pong")
	}
	seal(b, alice, "ping")
	alice.Watch()
	return alice
}
