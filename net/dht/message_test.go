package dht

import (
	"bytes"
	"crypto/sha256"
	"io"
	"math"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"dione/crypto/cborx"
	"dione/crypto/parcel"
	"dione/internal/vectors"
)

// vectorMessages are the messages of the vectors.
func vectorMessages() map[string]Message {
	location, seed := sha256.Sum256([]byte("location")), parcel.Seed(sha256.Sum256([]byte("seed")))
	core := parcel.Core(bytes.Repeat([]byte{0xc0}, parcel.CoreSize))
	data, stone := parcel.Seal(&core, seed, location, 500_000), parcel.Bury(&core, seed, location, 500_000)
	hints := []Hint{{0, 1, 2, 3, 4, 5, 6, 7}, {8, 9, 10, 11, 12, 13, 14, 15}, {16, 17, 18, 19, 20, 21, 22, 23}}
	var target Key
	var id [32]byte
	for i := range target {
		target[i], id[i] = byte(i), 0xa0+byte(i)
	}
	four, six := netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("2001:db8::7")
	return map[string]Message{
		"unsupported":    Unsupported{},
		"ping":           Ping{},
		"ping server":    Ping{Port: 4000},
		"ping dial":      Ping{Port: 4000, Dial: true},
		"pong":           Pong{Seen: netip.AddrPortFrom(four, 51000), Clock: 1795183200123},
		"pong dialled":   Pong{netip.AddrPortFrom(six, 51000), 255, 1795183200123, true},
		"find":           Find{Target: target},
		"find server":    Find{target, 4000},
		"found":          Found{[]*Contact{NewContact(id, netip.AddrPortFrom(four, 4000), netip.AddrPortFrom(six, 4000))}},
		"found nobody":   Found{},
		"store":          Store{Package: data[:]},
		"stored kept":    Stored{Result: Kept, Until: 499_900},
		"stored gone":    Stored{Result: Gone, Proof: stone[:]},
		"stored full":    Stored{Result: Full},
		"getmany":        GetMany{hints},
		"got":            Got{Bits{0b101}, [][]byte{stone[:]}},
		"got nothing":    Got{},
		"offer":          Offer{hints[:2], hints[2:]},
		"wanted":         Wanted{Bits{0b110}},
		"wanted nothing": Wanted{},
		"delete":         Delete{stone[:]},
		"deleted":        Deleted{Kept, 500_048},
		"deleted far":    Deleted{Result: Far},
		"watch":          Watch{hints},
		"watch end":      Watch{},
		"watching":       Watching{600},
		"watching not":   Watching{},
		"notify":         Notify{[][]byte{stone[:]}},
	}
}

// The page, the program and the second encoder say the same.
func TestVectors(t *testing.T) {
	page, reference := vectors.Read(t, "../PROTOCOL.md", "dht"), refVectors()
	for name, m := range vectorMessages() {
		id := uint32(7)
		if _, notice := m.(Notify); notice {
			id = 0
		}
		want := page[name]
		if got := AppendMessage(nil, id, m); !bytes.Equal(got, want) {
			t.Errorf("vector %s: encoded\n%x, want\n%x", name, got, want)
		}
		if !bytes.Equal(reference[name], want) {
			t.Errorf("vector %s: the second encoder says\n%x, want\n%x", name, reference[name], want)
		}
		f, err := readFrame(iotest.OneByteReader(bytes.NewReader(want)), maxAnswer)
		if err != nil || f.id != id || f.kind != m.kind() || !alikeMessages(f.message, m) {
			t.Errorf("vector %s: read %+v, %v, want %+v", name, f, err, m)
		}
		delete(page, name)
	}
	for name := range page {
		t.Errorf("vector %s of PROTOCOL.md is not tested", name)
	}
}

// alikeMessages reports whether two messages say the same; whether a list is
// empty or absent does not matter.
func alikeMessages(a, b Message) bool {
	return reflect.TypeOf(a) == reflect.TypeOf(b) && bytes.Equal(AppendMessage(nil, 1, a), AppendMessage(nil, 1, b))
}

// largest is every message at its limits.
func largest() []Message {
	addr := netip.MustParseAddrPort("[2a00::1]:65535")
	var contacts []*Contact
	for i := range MaxContacts {
		contacts = append(contacts, NewContact([32]byte{byte(i)}, addr, addr, addr))
	}
	full := Bits(bytes.Repeat([]byte{0xff}, MaxHints/8))
	packages := slices.Repeat([][]byte{make([]byte, parcel.Size)}, MaxPackages/parcel.Size)
	work := make([]byte, MaxWork)
	return []Message{
		Ping{math.MaxUint16, true},
		Pong{addr, 255, math.MinInt64, true},
		Pong{addr, 0, math.MaxInt64, false},
		Find{Key(bytes.Repeat([]byte{0xff}, 32)), math.MaxUint16},
		Found{contacts},
		Store{make([]byte, parcel.Size), work},
		Stored{Result: Kept, Until: math.MaxUint32},
		Stored{Result: Other, Proof: make([]byte, parcel.Size)},
		GetMany{make([]Hint, MaxHints)},
		Got{full, packages},
		Got{full, slices.Repeat([][]byte{make([]byte, parcel.TombstoneSize)}, MaxHints)},
		Offer{Data: make([]Hint, MaxOffer)},
		Offer{Tombstones: make([]Hint, MaxOffer)},
		Offer{make([]Hint, MaxOffer/2), make([]Hint, MaxOffer/2)},
		Wanted{bytes.Repeat([]byte{0xff}, MaxOffer/8)},
		Delete{make([]byte, parcel.TombstoneSize)},
		Deleted{Kept, math.MaxUint32},
		Watch{make([]Hint, MaxHints)},
		Watching{math.MaxUint16},
		Notify{packages},
	}
}

func TestLargestMessages(t *testing.T) {
	for _, m := range largest() {
		limit := maxAnswer
		if m.kind().asks() && m.kind() != kindNotify {
			limit = maxQuestion
		}
		f, err := readFrame(bytes.NewReader(AppendMessage(nil, math.MaxUint32, m)), limit)
		if err != nil || !alikeMessages(f.message, m) {
			t.Errorf("%T: %v", m, err)
		}
	}
}

// body is the CBOR of a frame with these fields.
func body(t *testing.T, v any) []byte {
	t.Helper()
	b, err := cborx.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

type fields map[int]any

func TestMessagesRefused(t *testing.T) {
	stone, data := make([]byte, parcel.TombstoneSize), make([]byte, parcel.Size)
	addr := []byte{192, 0, 2, 7, 0x0f, 0xa0}
	contact := func(id, addrs any) []any { return []any{fields{1: id, 2: addrs}} }
	id := make([]byte, 32)
	for _, tt := range []struct {
		name string
		kind kind
		f    any
	}{
		{"ping: an unknown field", kindPing, fields{3: 1}},
		{"ping: a field that is zero", kindPing, fields{1: 0}},
		{"ping: a well-known port", kindPing, fields{1: 1023}},
		{"ping: a dial to nowhere", kindPing, fields{2: true}},
		{"ping: no map", kindPing, []int{1}},
		{"ping: a large port", kindPing, fields{1: 65536}},
		{"pong: nothing", kindPong, fields{}},
		{"pong: no address", kindPong, fields{3: 1}},
		{"pong: no clock", kindPong, fields{1: addr}},
		{"pong: a short address", kindPong, fields{1: addr[:5], 3: 1}},
		{"pong: only a port", kindPong, fields{1: addr[4:], 3: 1}},
		{"pong: a port that nobody asks from", kindPong, fields{1: []byte{192, 0, 2, 7, 0, 80}, 3: 1}},
		{"pong: no such address", kindPong, fields{1: []byte{0, 0, 0, 0, 0x0f, 0xa0}, 3: 1}},
		{"pong: multicast", kindPong, fields{1: []byte{224, 0, 0, 1, 0x0f, 0xa0}, 3: 1}},
		{"pong: IPv4 as IPv6", kindPong, fields{1: append(bytes.Repeat([]byte{0}, 10), 0xff, 0xff, 192, 0, 2, 7, 0x0f, 0xa0), 3: 1}},
		{"find: nothing", kindFind, fields{}},
		{"find: a short target", kindFind, fields{1: id[:31]}},
		{"find: a long target", kindFind, fields{1: append(id, 0)}},
		{"find: a target of text", kindFind, fields{1: strings.Repeat("x", 32)}},
		{"find: a well-known port", kindFind, fields{1: id, 2: 22}},
		{"found: too many", kindFound, fields{1: slices.Repeat(contact(id, [][]byte{addr}), MaxContacts+1)}},
		{"found: no key", kindFound, fields{1: []any{fields{2: [][]byte{addr}}}}},
		{"found: a short key", kindFound, fields{1: contact(id[:31], [][]byte{addr})}},
		{"found: no addresses", kindFound, fields{1: []any{fields{1: id}}}},
		{"found: zero addresses", kindFound, fields{1: contact(id, [][]byte{})}},
		{"found: too many addresses", kindFound, fields{1: contact(id, [][]byte{addr, addr, addr, addr})}},
		{"found: a bad address", kindFound, fields{1: contact(id, [][]byte{addr, addr[1:]})}},
		{"found: an empty list", kindFound, fields{1: []any{}}},
		{"store: nothing", kindStore, fields{}},
		{"store: only work", kindStore, fields{2: []byte{1}}},
		{"store: null", kindStore, fields{1: nil}},
		{"store: empty", kindStore, fields{1: []byte{}}},
		{"store: short", kindStore, fields{1: data[1:]}},
		{"store: a tombstone", kindStore, fields{1: stone}},
		{"store: too much work", kindStore, fields{1: data, 2: make([]byte, MaxWork+1)}},
		{"store: no work", kindStore, fields{1: data, 2: []byte{}}},
		{"stored: nothing", kindStored, fields{}},
		{"stored: an unknown result", kindStored, fields{1: 8}},
		{"stored: no result", kindStored, fields{2: 5}},
		{"stored: full, until", kindStored, fields{1: 4, 2: 5}},
		{"stored: kept, with proof", kindStored, fields{1: 1, 3: stone}},
		{"stored: gone, with a package", kindStored, fields{1: 2, 3: data}},
		{"stored: other, with a tombstone", kindStored, fields{1: 3, 3: stone}},
		{"stored: far, with proof", kindStored, fields{1: 6, 3: data}},
		{"getmany: nothing", kindGetMany, fields{}},
		{"getmany: half a hint", kindGetMany, fields{1: make([]byte, 12)}},
		{"getmany: too many", kindGetMany, fields{1: make([]byte, 8*MaxHints+8)}},
		{"got: a bit too many", kindGot, fields{1: make([]byte, MaxHints/8+1)}},
		{"got: bits of zero", kindGot, fields{1: []byte{1, 0}}},
		{"got: a short package", kindGot, fields{2: [][]byte{stone[1:]}}},
		{"got: an empty package", kindGot, fields{2: [][]byte{{}}}},
		{"got: too many packages", kindGot, fields{2: slices.Repeat([][]byte{stone}, MaxHints+1)}},
		{"got: too many bytes", kindGot, fields{2: slices.Repeat([][]byte{data}, MaxPackages/parcel.Size+1)}},
		{"offer: nothing", kindOffer, fields{}},
		{"offer: half a hint", kindOffer, fields{1: make([]byte, 8), 2: make([]byte, 4)}},
		{"offer: too many", kindOffer, fields{1: make([]byte, 8*MaxOffer), 2: make([]byte, 8)}},
		{"offer: far too many", kindOffer, fields{1: make([]byte, 8*MaxOffer+8)}},
		{"wanted: too many", kindWanted, fields{1: append(make([]byte, MaxOffer/8), 1)}},
		{"wanted: zero", kindWanted, fields{1: []byte{0}}},
		{"delete: nothing", kindDelete, fields{}},
		{"delete: a package", kindDelete, fields{1: data}},
		{"delete: short", kindDelete, fields{1: stone[1:]}},
		{"deleted: nothing", kindDeleted, fields{}},
		{"deleted: bad, until", kindDeleted, fields{1: 7, 2: 1}},
		{"deleted: a proof", kindDeleted, fields{1: 2, 3: stone}},
		{"watch: half a hint", kindWatch, fields{1: make([]byte, 4)}},
		{"watch: too many", kindWatch, fields{1: make([]byte, 8*MaxHints+8)}},
		{"watching: zero", kindWatching, fields{1: 0}},
		{"watching: too long", kindWatching, fields{1: 65536}},
		{"notify: nothing", kindNotify, fields{}},
		{"notify: no packages", kindNotify, fields{1: [][]byte{}}},
		{"notify: null", kindNotify, fields{1: nil}},
		{"notify: a short package", kindNotify, fields{1: [][]byte{data[1:]}}},
		{"notify: too many", kindNotify, fields{1: slices.Repeat([][]byte{stone}, MaxHints+1)}},
		{"unsupported: a field", kindUnsupported, fields{1: 1}},
	} {
		if m, err := decodeMessage(tt.kind, body(t, tt.f)); err == nil {
			t.Errorf("%s: read %+v", tt.name, m)
		}
	}
	for k := range kind(16) { // no bytes, no map, and too many bytes
		for _, b := range [][]byte{nil, {0xf6}, {0x80}, {0xa1}, {0xbf, 0xff}, {0xa0, 0}, make([]byte, maxAnswer+1)} {
			if m, err := decodeMessage(k, b); err == nil {
				t.Errorf("kind %d, %x: read %+v", k, b[:min(len(b), 8)], m)
			}
		}
	}
}

// What is not known is neither an error nor a message: later versions may have
// more.
func TestUnknownKind(t *testing.T) {
	for _, k := range []kind{16, 17, 255} {
		if m, err := decodeMessage(k, []byte{0xff, 1}); m != nil || err != nil {
			t.Errorf("kind %d: %v, %v", k, m, err)
		}
	}
}

func TestFrames(t *testing.T) {
	good := AppendMessage(nil, 7, Ping{})
	for name, b := range map[string][]byte{
		"too long":     {0, 0, 0x20, 0, 1, 0, 0, 0, 7},
		"endless":      {0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0, 7},
		"too short":    {0, 0, 0, 4, 1, 0, 0, 0},
		"without CBOR": {0, 0, 0, 5, 1, 0, 0, 0, 7},
		"cut":          good[:len(good)-1],
		"cut head":     good[:5],
	} {
		if f, err := readFrame(bytes.NewReader(b), maxQuestion); err == nil {
			t.Errorf("%s: read %+v", name, f)
		}
	}
}

func readFrame(r io.Reader, limit int) (frame, error) {
	in := frames{from: r}
	if err := in.wait(); err != nil {
		return frame{}, err
	}
	return in.next(limit)
}

func TestBits(t *testing.T) {
	var b Bits
	for _, i := range []int{0, 9, 511} {
		b.Set(i)
	}
	for i := range 1000 {
		if want := i == 0 || i == 9 || i == 511; b.Has(i) != want {
			t.Errorf("Has(%d) = %v", i, !want)
		}
	}
	if err := b.within(512); err != nil {
		t.Error(err)
	}
	if b.within(511) == nil {
		t.Error("number 511 is below 511")
	}
}

// fuzz checks the decoder of one kind: what is accepted has one encoding.
func fuzz(f *testing.F, k kind) {
	for _, m := range largest() {
		if m.kind() == k {
			f.Add(AppendMessage(nil, 1, m)[headSize:])
		}
	}
	for _, m := range vectorMessages() {
		if m.kind() == k {
			f.Add(AppendMessage(nil, 1, m)[headSize:])
		}
	}
	f.Add([]byte{0xa0})
	f.Fuzz(func(t *testing.T, in []byte) {
		m, err := decodeMessage(k, in)
		if err != nil {
			return
		}
		if m == nil || m.kind() != k {
			t.Fatalf("accepted %x as %T", in, m)
		}
		if again := AppendMessage(nil, 1, m)[headSize:]; !bytes.Equal(again, in) {
			t.Errorf("accepted %x, which encodes as %x", in, again)
		}
	})
}

func FuzzUnsupported(f *testing.F) { fuzz(f, kindUnsupported) }
func FuzzPing(f *testing.F)        { fuzz(f, kindPing) }
func FuzzPong(f *testing.F)        { fuzz(f, kindPong) }
func FuzzFind(f *testing.F)        { fuzz(f, kindFind) }
func FuzzFound(f *testing.F)       { fuzz(f, kindFound) }
func FuzzStore(f *testing.F)       { fuzz(f, kindStore) }
func FuzzStored(f *testing.F)      { fuzz(f, kindStored) }
func FuzzGetMany(f *testing.F)     { fuzz(f, kindGetMany) }
func FuzzGot(f *testing.F)         { fuzz(f, kindGot) }
func FuzzOffer(f *testing.F)       { fuzz(f, kindOffer) }
func FuzzWanted(f *testing.F)      { fuzz(f, kindWanted) }
func FuzzDelete(f *testing.F)      { fuzz(f, kindDelete) }
func FuzzDeleted(f *testing.F)     { fuzz(f, kindDeleted) }
func FuzzWatch(f *testing.F)       { fuzz(f, kindWatch) }
func FuzzWatching(f *testing.F)    { fuzz(f, kindWatching) }
func FuzzNotify(f *testing.F)      { fuzz(f, kindNotify) }
