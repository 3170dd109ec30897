package parcel

import "testing"

// BenchmarkKey, BenchmarkSeal and BenchmarkCheck are one ed25519 derivation,
// signature and check each, and little else.
func BenchmarkKey(b *testing.B) {
	for b.Loop() {
		Seed{1}.Key()
	}
}

func BenchmarkSeal(b *testing.B) {
	key := Seed{1}.Key()
	for b.Loop() {
		key.Seal(new(Core), [32]byte{}, 1)
	}
}

func BenchmarkCheck(b *testing.B) {
	p := Seal(new(Core), Seed{1}, [32]byte{}, 1)
	for b.Loop() {
		if _, err := Check(p[:]); err != nil {
			b.Fatal(err)
		}
	}
}
