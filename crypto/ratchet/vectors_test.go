package ratchet

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"testing"
)

// ratchetKeys is randomness for a session whose ratchet keys are known: reads
// of 32 bytes come from keys, nonces are zero.
type ratchetKeys struct{ keys io.Reader }

func (r ratchetKeys) Read(p []byte) (int, error) {
	if len(p) == 32 {
		return r.keys.Read(p)
	}
	clear(p)
	return len(p), nil
}

// TestAddressChain checks keys and addresses over eight epochs against those
// that two other implementations agree on.
func TestAddressChain(t *testing.T) {
	text, err := os.ReadFile("testdata/address-chain.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct {
		Packages []struct {
			From                      string
			Epoch, N, PN              uint32
			DH, Seed, Public, Address string
		}
	}
	if err := json.Unmarshal(text, &vectors); err != nil || len(vectors.Packages) < 12 {
		t.Fatalf("%d packages, %v", len(vectors.Packages), err)
	}
	sk, spkSeed := take32(&stream{label: "kat sk"}), take32(&stream{label: "kat spk"})
	spk, err := ecdh.X25519().NewPrivateKey(spkSeed[:])
	if err != nil {
		t.Fatal(err)
	}
	a, err := Initiate(sk, [32]byte{}, [32]byte(spk.PublicKey().Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	ends := map[string]*Session{"a": a, "b": Accept(sk, [32]byte{}, spk)}
	random := map[string]io.Reader{"a": ratchetKeys{&stream{label: "kat a"}}, "b": ratchetKeys{&stream{label: "kat b"}}}
	other := map[string]string{"a": "b", "b": "a"}
	for _, want := range vectors.Packages {
		got, err := ends[want.From].Seal(random[want.From], bodyOf("kat"))
		if err != nil {
			t.Fatal(err)
		}
		s := ends[want.From]
		public := ed25519.NewKeyFromSeed(got.Seed[:])[32:]
		for name, pair := range map[string][2]string{
			"dh":      {hex.EncodeToString(s.own.public[:]), want.DH},
			"seed":    {hex.EncodeToString(got.Seed[:]), want.Seed},
			"public":  {hex.EncodeToString(public), want.Public},
			"address": {hex.EncodeToString(got.Address[:]), want.Address},
		} {
			if pair[0] != pair[1] {
				t.Errorf("%s %d/%d: %s is %s, want %s", want.From, want.Epoch, want.N, name, pair[0], pair[1])
			}
		}
		if got.Epoch != want.Epoch || got.N != want.N || s.out.prev != want.PN {
			t.Errorf("%v behind a chain of %d, want %d/%d behind %d", got.Index, s.out.prev, want.Epoch, want.N, want.PN)
		}
		open(t, ends[other[want.From]], got, "kat")
	}
}
