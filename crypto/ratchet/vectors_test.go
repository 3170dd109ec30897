package ratchet

import (
	"bytes"
	"crypto/ecdh"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"os"
	"strings"
	"testing"

	"dione/crypto/parcel"
	"dione/internal/vectors"
)

// order is who writes in the vectors, message by message.
const order = "aababbabaaba"

// vectorFragment is what the first package of the vectors carries.
var vectorFragment = parcel.Fragment{
	Message: [16]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
	Parts:   1,
	Ack:     &parcel.Ack{Epoch: 2, Contiguous: 1, Map: 5},
	Data:    []byte("hello"),
}

// vectorSPK is the responder's first ratchet key, as section 7 takes it.
func vectorSPK() *ecdh.PrivateKey {
	stream := &vectors.Stream{Label: "responder"}
	_, _ = io.CopyN(io.Discard, stream, 32+32+8)
	b := take32(stream)
	spk, err := ecdh.X25519().NewPrivateKey(b[:])
	if err != nil {
		panic(err)
	}
	return spk
}

// TestVectors has the second implementation make the vectors, and the first
// one make the same.
func TestVectors(t *testing.T) {
	all := vectors.Read(t, "../PROTOCOL.md", "")
	sk, ad, spk := [32]byte(all["pqxdh sk"]), [32]byte(all["pqxdh t"]), vectorSPK()
	body, err := vectorFragment.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]byte{"parcel fragment": body[:bytes.IndexByte(body[:], 0x80)]}

	refs := map[rune]*refEnd{'a': newRef(true, sk[:], ad[:], spk.PublicKey().Bytes()), 'b': newRef(false, sk[:], ad[:], spk.Bytes())}
	streams := map[rune]io.Reader{'a': &vectors.Stream{Label: "initiator ratchet"}, 'b': &vectors.Stream{Label: "responder ratchet"}}
	wantCores, wantSeeds := [][]byte{}, [][]byte{}
	last := ' '
	for _, who := range order {
		nonce, key := make([]byte, 24), make([]byte, 32)
		_, _ = streams[who].Read(nonce)
		if who != last {
			_, _ = streams[who].Read(key)
		}
		last = who
		e, n, core, seed := refs[who].seal(body[:], nonce, key)
		if _, _, _, _, err := refs['a'+'b'-who].open(core); err != nil {
			t.Fatalf("reference, %d/%d: %v", e, n, err)
		}
		wantCores, wantSeeds = append(wantCores, core), append(wantSeeds, seed)
		sum := sha256.Sum256(core)
		got["ratchet addresses"] = append(got["ratchet addresses"], refAddress(seed)...)
		got["ratchet cores"] = append(got["ratchet cores"], sum[:]...)
	}
	a := refs['a']
	mk, _, seed, _ := a.keys(1, 0)
	location := sha256.Sum256([]byte("location"))
	sum := sha256.Sum256(wantCores[0])
	got["ratchet beginning"] = bytes.Join([][]byte{a.rk[0], a.hk[1], a.hk[2], a.ak[1], a.ak[2]}, nil)
	got["ratchet root 1"] = bytes.Join([][]byte{a.rk[1], a.ck[1], a.hk[3], a.ak[3]}, nil)
	got["ratchet message key"], got["ratchet seed"] = mk, seed
	got["ratchet core"] = wantCores[0]
	got["parcel envelope"] = refEnvelope(1, wantCores[0], seed, location[:], 500_000)[:parcel.EnvelopeSize]
	got["parcel tombstone"] = refEnvelope(2, sum[:], seed, location[:], 500_000)
	want := maps.Clone(all)
	maps.DeleteFunc(want, func(name string, _ []byte) bool {
		return !strings.HasPrefix(name, "ratchet ") && !strings.HasPrefix(name, "parcel ")
	})
	vectors.Same(t, "the second implementation", "", got, want)

	ends := map[rune]*Session{'b': Accept(sk, ad, spk)}
	if ends['a'], err = Initiate(sk, ad, [32]byte(spk.PublicKey().Bytes())); err != nil {
		t.Fatal(err)
	}
	streams = map[rune]io.Reader{'a': &vectors.Stream{Label: "initiator ratchet"}, 'b': &vectors.Stream{Label: "responder ratchet"}}
	for i, who := range order {
		p, err := ends[who].Seal(streams[who], &body)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(p.Core[:], wantCores[i]) || !bytes.Equal(p.Seed[:], wantSeeds[i]) || !bytes.Equal(addressOf(p), refAddress(wantSeeds[i])) {
			t.Errorf("package %d, %v, is not that of the reference", i, p.Index)
		}
		if got, err := ends['a'+'b'-who].Open(p.Seed.Address().Hint(), &p.Core, 0); err != nil || got.Body != body {
			t.Errorf("package %d: %v", i, err)
		}
		if i == 0 {
			whole, stone := parcel.Seal(&p.Core, p.Seed, location, 500_000), parcel.Bury(&p.Core, p.Seed, location, 500_000)
			if !bytes.Equal(whole[:], refEnvelope(1, p.Core[:], p.Seed[:], location[:], 500_000)) || !bytes.Equal(stone[:], got["parcel tombstone"]) {
				t.Error("another envelope or tombstone than the reference's")
			}
		}
	}
}

func addressOf(p Sealed) []byte {
	a := p.Seed.Address()
	return a[:]
}

// TestReference lets the two implementations talk to each other, out of order
// and with gaps.
func TestReference(t *testing.T) {
	for _, initiator := range []bool{true, false} {
		sk, ad, spk := sha256.Sum256([]byte("sk")), sha256.Sum256([]byte("ad")), vectorSPK()
		ref := newRef(initiator, sk[:], ad[:], spk.Bytes())
		s := Accept(sk, ad, spk)
		var err error
		if initiator {
			ref.dh[0] = spk.PublicKey().Bytes()
		} else if s, err = Initiate(sk, ad, [32]byte(spk.PublicKey().Bytes())); err != nil {
			t.Fatal(err)
		}
		random := &vectors.Stream{Label: "reference"}
		fromRef := func() (core parcel.Core, hint [8]byte, at Index) {
			nonce, key := make([]byte, 24), take32(random)
			_, _ = random.Read(nonce)
			e, n, b, seed := ref.seal(bodyOf("ref")[:], nonce, key[:])
			return parcel.Core(b), [8]byte(refAddress(seed)), Index{uint32(e), n}
		}
		toRef := func() {
			p := seal(t, s, "impl")
			e, n, body, seed, err := ref.open(p.Core[:])
			if err != nil || (Index{uint32(e), n}) != p.Index || !bytes.Equal(body, bodyOf("impl")[:]) || !bytes.Equal(seed, p.Seed[:]) {
				t.Fatalf("the reference opened %v as %d/%d, %v", p.Index, e, n, err)
			}
		}
		if !initiator {
			toRef()
		}
		type late struct {
			core parcel.Core
			hint [8]byte
			at   Index
		}
		var kept []late
		for round := range 30 {
			for i := range 4 {
				core, hint, at := fromRef()
				if (round+i)%3 == 0 {
					kept = append(kept, late{core, hint, at})
					continue
				}
				if got, err := s.Open(hint, &core, 0); err != nil || got.Index != at || got.Body != *bodyOf("ref") {
					t.Fatalf("opened %v as %v, %v", at, got.Index, err)
				}
			}
			toRef()
			toRef()
		}
		for _, k := range kept {
			if got, err := s.Open(k.hint, &k.core, 0); err != nil || got.Index != k.at {
				t.Fatalf("opened %v late as %v, %v", k.at, got.Index, err)
			}
		}
		if len(s.closed) > 0 || s.holes() > 0 {
			t.Errorf("%d chains and %d messages are still waited for", len(s.closed), s.holes())
		}
	}
}

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
	var known struct {
		Packages []struct {
			From                      string
			Epoch, N, PN              uint32
			DH, Seed, Public, Address string
		}
	}
	if err := json.Unmarshal(text, &known); err != nil || len(known.Packages) < 12 {
		t.Fatalf("%d packages, %v", len(known.Packages), err)
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
	for _, want := range known.Packages {
		s := ends[want.From]
		got, err := s.Seal(random[want.From], bodyOf("kat"))
		if err != nil {
			t.Fatal(err)
		}
		whole := parcel.Seal(&got.Core, got.Seed, [32]byte{}, 0)
		for name, pair := range map[string][2]string{
			"dh":      {hex.EncodeToString(s.own.public[:]), want.DH},
			"seed":    {hex.EncodeToString(got.Seed[:]), want.Seed},
			"public":  {hex.EncodeToString(whole[38:70]), want.Public},
			"address": {hex.EncodeToString(addressOf(got)), want.Address},
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
