package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"

	"dione/crypto/identity"
)

// testParcels opens the packages of the profile in dir, with no passphrase.
func testParcels(t testing.TB, dir string) (*Profile, *Parcels) {
	t.Helper()
	profile, err := OpenProfile(dir)
	if err != nil {
		t.Fatal(err)
	}
	key, err := profile.Unlock(nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := OpenParcels(t.Context(), profile, key, nil)
	if err != nil {
		_ = profile.Close()
		t.Fatal(err)
	}
	return profile, p
}

// aShelf is one that closes when the test ends.
func aShelf(t testing.TB) *Parcels {
	t.Helper()
	profile, p := testParcels(t, t.TempDir())
	t.Cleanup(func() { closeShelf(t, profile, p) })
	return p
}

func closeShelf(t testing.TB, profile *Profile, p *Parcels) {
	t.Helper()
	if err := errors.Join(p.Close(), profile.Close()); err != nil {
		t.Errorf("close: %v", err)
	}
}

// wantLedger checks the file, and that what is counted is what is there.
func wantLedger(t testing.TB, p *Parcels) {
	t.Helper()
	if err := p.db.quickCheck(); err != nil {
		t.Error(err)
	}
	want := make(map[netip.Prefix]int64)
	sum := int64(0)
	if err := p.db.query("SELECT origin, sum(length(package)) FROM parcel GROUP BY origin", func(s *sqlite3.Stmt) error {
		want[p.held.rows[s.ColumnInt64(0)].prefix] = s.ColumnInt64(1)
		sum += s.ColumnInt64(1)
		return nil
	}); err != nil {
		t.Error(err)
	}
	rows := int64(0)
	if _, err := p.db.one("SELECT count(*) FROM origin", func(s *sqlite3.Stmt) { rows = s.ColumnInt64(0) }); err != nil || int(rows) != len(want) {
		t.Errorf("%d origins are written down, %v, want %d", rows, err, len(want))
	}
	total, got, err := p.Usage()
	if err != nil || total != sum || !reflect.DeepEqual(got, want) {
		t.Errorf("Usage = %d %v, %v, want %d %v", total, got, err, sum, want)
	}
}

// numbered is package n: its address begins with n, and all else follows.
func numbered(n int) Held {
	h := Held{
		Expiry: uint32(490_000 + n),
		Until:  at.Add(time.Duration(n) * time.Minute),
		Came:   at,
		Origin: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(n % 7), 0}), 24),
		Bytes:  bytes.Repeat([]byte{byte(n)}, MaxHeld),
	}
	binary.BigEndian.PutUint64(h.Address[:], uint64(n))
	binary.BigEndian.PutUint64(h.Location[:], uint64(n)*0x9e3779b97f4a7c15)
	binary.BigEndian.PutUint64(h.Sum[24:], uint64(n))
	return h
}

func hintOf(h Held) [8]byte { return [8]byte(h.Address[:]) }

func TestShelf(t *testing.T) {
	dir := t.TempDir()
	profile, p := testParcels(t, dir)
	a, b, c := numbered(1), numbered(2), numbered(1<<60+3)
	b.Tombstone, b.Bytes = true, []byte("short")
	b.Origin = netip.MustParsePrefix("2001:db8:1::/48")
	c.Address[0] = 0xff // behind those whose number is positive
	c.Origin, c.Came = netip.Prefix{}, time.Time{}
	if err := p.Put([]Held{a, b, c}, nil); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		got, err := p.Find([][8]byte{hintOf(c), {9}, hintOf(b), hintOf(a)})
		if want := []Held{c, b, a}; err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("Find = %v, %v, want %v", got, err, want)
		}
		got, err = p.Items(a.Address, 10)
		want := []Held{b, c}
		for i := range want {
			want[i].Bytes = nil
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("Items = %v, %v, want %v", got, err, want)
		}
		wantLedger(t, p)
		closeShelf(t, profile, p)
		profile, p = testParcels(t, dir)
	}
	if err := p.Put([]Held{{Address: a.Address, Bytes: []byte("new")}}, [][32]byte{a.Address, b.Address}); err != nil {
		t.Fatal(err)
	}
	got, err := p.Find([][8]byte{hintOf(a), hintOf(b)})
	if err != nil || len(got) != 1 || string(got[0].Bytes) != "new" {
		t.Errorf("Find = %v, %v, want the new one", got, err)
	}
	wantLedger(t, p)
	closeShelf(t, profile, p)
}

func TestNodeKeyAndTables(t *testing.T) {
	dir := t.TempDir()
	profile, p := testParcels(t, dir)
	if b, err := p.Table(1); b != nil || err != nil {
		t.Errorf("Table = %q, %v, want none", b, err)
	}
	key, err := p.NodeKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(p.SetTable(0, []byte("old")), p.SetTable(1, []byte("near")), p.SetTable(0, []byte("wide"))); err != nil {
		t.Fatal(err)
	}
	if err := p.SetTable(0, make([]byte, MaxTable+1)); !errors.Is(err, ErrInvalid) {
		t.Errorf("SetTable of too much = %v", err)
	}
	never := func() (identity.Key, error) { return identity.Key{}, errors.New("there is one") }
	for range 2 {
		if got, err := p.NodeKey(never); got.ID() != key.ID() || err != nil {
			t.Errorf("NodeKey = %v, %v, want %v", got.ID(), err, key.ID())
		}
		for scope, want := range []string{"wide", "near"} {
			if got, err := p.Table(uint8(scope)); string(got) != want || err != nil {
				t.Errorf("Table(%d) = %q, %v, want %q", scope, got, err, want)
			}
		}
		closeShelf(t, profile, p)
		profile, p = testParcels(t, dir)
	}
	closeShelf(t, profile, p)
}
