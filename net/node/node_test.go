package node

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/multiformats/go-multiaddr"

	"dione/crypto/identity"
	"dione/crypto/parcel"
	"dione/net/address"
	"dione/net/dht"
	"dione/store"
)

// patience bounds every wait. Only a test that fails reaches it.
const patience = 20 * time.Second

// disk is a profile whose packages are open.
type disk struct {
	*store.Parcels
	dir     string
	profile *store.Profile
	failed  bool
}

func openDisk(t *testing.T, dir string) *disk {
	t.Helper()
	profile, err := store.OpenProfile(dir)
	if err != nil {
		t.Fatal(err)
	}
	key, err := profile.Unlock(nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := store.OpenParcels(t.Context(), profile, key, nil)
	if err != nil {
		t.Fatal(err)
	}
	d := &disk{Parcels: p, dir: dir, profile: profile}
	t.Cleanup(func() {
		if err := d.close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// close may be called again.
func (d *disk) close() error {
	if d.profile == nil {
		return nil
	}
	var err error
	if !d.failed {
		err = d.Close()
	}
	err = errors.Join(err, d.profile.Close())
	d.profile = nil
	return err
}

// fail makes the packages fail whatever is asked of them.
func (d *disk) fail(t *testing.T) {
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d.failed = true
}

// running is a node that runs on the loopback interface.
type running struct {
	*Node
	t    *testing.T
	addr netip.AddrPort
	stop func()
}

// run runs a node at a port, 0 for any. The network is a private one if none
// is said.
func run(t *testing.T, port uint16, cfg Config) *running {
	t.Helper()
	if cfg.Network == "" {
		cfg.Network = "test"
	}
	n, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	at := multiaddr.StringCast(fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", port))
	l, err := Listen(t.Context(), []multiaddr.Multiaddr{at})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- n.RunAlone(ctx, l) }()
	r := &running{Node: n, t: t, addr: l.Addrs()[0]}
	r.stop = func() {
		if cancel == nil {
			return
		}
		cancel()
		cancel = nil
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(r.stop)
	if _, err := n.DHT(ctx); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *running) multiaddr() string { return address.Format(r.addr, r.id) }

// await waits until the state of the node fits.
func (r *running) await(what string, fits func(State) bool) State {
	r.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		st, ok := r.State()
		if ok && fits(st) {
			return st
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("no %s after %v: %+v", what, patience, st)
		}
		<-time.After(5 * time.Millisecond)
	}
}

func (r *running) awaitServers(n int) {
	r.t.Helper()
	r.await(fmt.Sprintf("%d servers", n), func(st State) bool { return st.Servers[dht.Near] == n })
}

// somePackage returns a package, and where it lies.
func somePackage(i int) (place dht.Key, b []byte, hint dht.Hint) {
	var seed parcel.Seed
	binary.BigEndian.PutUint64(seed[:], uint64(i))
	place = dht.KeyOf(identity.ID(seed))
	core := parcel.Core{byte(i)}
	whole := parcel.Seal(&core, seed, place, uint32(time.Now().Unix()/3600)+24)
	return place, whole[:], seed.Address().Hint()
}

func (r *running) put(i int) (dht.Placed, error) {
	place, b, _ := somePackage(i)
	return r.dht.Put(r.t.Context(), dht.Near, place, b)
}

func (r *running) mustPut(i, holders int) {
	r.t.Helper()
	if p, err := r.put(i); err != nil || p.Holders[0] != holders {
		r.t.Errorf("put %d: %+v, %v, want %d holders", i, p, err, holders)
	}
}

func (r *running) mustGet(i int) {
	r.t.Helper()
	place, b, hint := somePackage(i)
	g, err := r.dht.Get(r.t.Context(), dht.Near, place, dht.ForReading(1), []dht.Hint{hint}, dht.Replicas)
	if err != nil || string(g.Packages[hint]) != string(b) {
		r.t.Errorf("get %d: %d found, %d of %d asked have answered, %v", i, len(g.Packages), g.Answered, g.Asked, err)
	}
}

// Two nodes and a client find each other by one seed, hold packages, and need
// no seed when they come back.
func TestTwoNodes(t *testing.T) {
	disks := [2]*disk{openDisk(t, t.TempDir()), openDisk(t, t.TempDir())}
	a := run(t, 0, Config{Parcels: disks[0].Parcels})
	b := run(t, 0, Config{Parcels: disks[1].Parcels, Seeds: []string{a.multiaddr()}})
	a.awaitServers(1)
	b.awaitServers(1)
	for i := range 10 {
		[]*running{a, b}[i%2].mustPut(i, 1)
	}
	client := run(t, 0, Config{Mode: Client, Seeds: []string{b.multiaddr()}})
	client.awaitServers(2)
	for i := range 10 {
		client.mustGet(i)
	}
	client.mustPut(10, 2)
	st := client.await("a client", func(st State) bool { return st.Mode == Client })
	if st.Serves[dht.Near] || st.Capacity != 0 || st.Err != nil || st.BytesIn == 0 || st.BytesOut == 0 {
		t.Errorf("a client by choice: %+v", st)
	}
	if st := a.await("packages", func(st State) bool { return st.Held > 0 }); st.Capacity != defaultCapacity || st.Mode != Auto {
		t.Errorf("a server: %+v", st)
	}

	a.stop()
	b.stop()
	for i, d := range disks { // as the program does between two runs
		if err := d.close(); err != nil {
			t.Fatal(err)
		}
		disks[i] = openDisk(t, d.dir)
	}
	again := [2]*running{
		run(t, a.addr.Port(), Config{Parcels: disks[0].Parcels}),
		run(t, b.addr.Port(), Config{Parcels: disks[1].Parcels}),
	}
	if again[0].id != a.id || again[1].id != b.id {
		t.Error("a node has another identity after a restart")
	}
	again[0].awaitServers(1)
	again[1].awaitServers(1)
	client.mustGet(10)
}

// A server in any case is one from the start, and a client never.
func TestModes(t *testing.T) {
	forced := run(t, 0, Config{Mode: Server, Parcels: openDisk(t, t.TempDir()).Parcels})
	if st, ok := forced.State(); !ok || !st.Serves[dht.Wide] || !st.Serves[dht.Near] {
		t.Errorf("a server by choice: %+v", st)
	}
	client := run(t, 0, Config{Mode: Client, Parcels: openDisk(t, t.TempDir()).Parcels, Seeds: []string{forced.multiaddr()}})
	client.awaitServers(1)
	auto := run(t, 0, Config{Parcels: openDisk(t, t.TempDir()).Parcels})
	if st, _ := auto.State(); st.Serves[dht.Near] {
		t.Error("a node that nobody has reached is a server")
	}
	other := run(t, 0, Config{Mode: Client, Seeds: []string{auto.multiaddr(), client.multiaddr()}})
	auto.await("a server that somebody has reached", func(st State) bool { return st.Serves[dht.Near] && !st.Serves[dht.Wide] })
	other.awaitServers(1) // clients are not among them
	client.mustPut(1, 1)
	if st, _ := forced.State(); st.Guests == 0 {
		t.Errorf("nobody is connected to it: %+v", st)
	}
}

// What one node tells over a chat link is enough for another to begin with.
func TestShare(t *testing.T) {
	a := run(t, 0, Config{Parcels: openDisk(t, t.TempDir()).Parcels})
	b := run(t, 0, Config{Parcels: openDisk(t, t.TempDir()).Parcels})
	public, private := netip.MustParseAddrPort("20.1.2.3:4001"), netip.MustParseAddrPort("192.168.1.2:4001")
	own := []netip.AddrPort{a.addr, private, public}
	format := func(addrs ...netip.AddrPort) (want []string) {
		for _, at := range addrs {
			want = append(want, address.Format(at, a.id))
		}
		return want
	}
	for _, tt := range []struct {
		name string
		with string
		want []string
	}{
		{"somebody on the internet", "30.1.2.3", format(public)},
		{"somebody on the LAN", "192.168.1.77", format(private, public)},
		{"somebody on this machine", "127.0.0.1", format(own...)},
	} {
		if got := spell(t, a.Share(netip.MustParseAddr(tt.with), own)); !slices.Equal(got, tt.want) {
			t.Errorf("%s is told %q, want %q", tt.name, got, tt.want)
		}
	}
	client := run(t, 0, Config{Mode: Client})
	if got := client.Share(netip.MustParseAddr("127.0.0.1"), own); len(got) != 0 {
		t.Errorf("a client that knows nobody tells %q", spell(t, got))
	}

	junk := [][]byte{nil, {0xff}, multiaddr.StringCast("/ip4/127.0.0.1/udp/1").Bytes(), multiaddr.StringCast("/dns4/localhost/tcp/1/p2p/" + b.id.String()).Bytes()}
	a.Told(junk)
	b.Told(append(junk, a.Share(netip.MustParseAddr("127.0.0.1"), []netip.AddrPort{a.addr})...))
	a.awaitServers(1)
	b.awaitServers(1)
	client.Told(b.Share(netip.MustParseAddr("127.0.0.1"), nil)) // a, which b knows
	client.awaitServers(2)
	if got := spell(t, client.Share(netip.MustParseAddr("127.0.0.1"), own)); len(got) != 2 {
		t.Errorf("a client tells of %q, want two servers", got)
	}
	if got := spell(t, client.Share(netip.MustParseAddr("192.168.1.2"), own)); len(got) != 0 {
		t.Errorf("a LAN is told of %q", got)
	}
}

func spell(t *testing.T, told [][]byte) (out []string) {
	t.Helper()
	for _, b := range told {
		m, err := multiaddr.NewMultiaddrBytes(b)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, m.String())
	}
	return out
}

// A seed that is not to be found is told of in words, and asked for in vain no
// longer than until others are known.
func TestSeeds(t *testing.T) {
	for _, bad := range []string{"", "localhost:4001", "/ip4/127.0.0.1/tcp/4001", "/ip4/127.0.0.1/tcp/4001/p2p/QmNnooDu7bfjPFoTZYxMNLWUQJyrVwtbZg5gBMjTezGAJN", "/unix/x/p2p/12D3KooWAda"} {
		if _, err := New(Config{Seeds: []string{bad}}); err == nil {
			t.Errorf("the seed %q is taken", bad)
		}
	}
	server := run(t, 0, Config{Parcels: openDisk(t, t.TempDir()).Parcels})
	gone := strings.Replace(server.multiaddr(), "/ip4/127.0.0.1", "/dns4/gone.invalid", 1)
	lost := run(t, 0, Config{Mode: Client, Seeds: []string{gone}})
	st := lost.await("word of the seed", func(st State) bool { return st.Unknown != nil })
	if want := "find the node " + gone + ": gone.invalid: "; !strings.HasPrefix(st.Unknown.Error(), want) {
		t.Errorf("it says %q, want %q and why", st.Unknown, want)
	}
	byName := strings.Replace(server.multiaddr(), "/ip4/127.0.0.1", "/dns4/localhost", 1)
	found := run(t, 0, Config{Mode: Client, Seeds: []string{gone, byName, lost.multiaddr()}})
	found.awaitServers(1)
}

// A key does for every network that asks no more work than the one that it was
// made for; another one is made where it does not.
func TestKeyOfAnotherNetwork(t *testing.T) {
	if testing.Short() {
		t.Skip("makes a key of the main network")
	}
	d := openDisk(t, t.TempDir())
	id := func(network string) identity.ID {
		r := run(t, 0, Config{Network: network, Mode: Client, Parcels: d.Parcels})
		r.stop()
		return r.id
	}
	easy := id("test")
	if again := id("another"); again != easy {
		t.Error("another private network has another key")
	}
	hard := id(mainNetwork)
	if hard == easy || !dht.KeyOf(hard).Solves(mainZeros) {
		t.Errorf("the key %s of a private network serves the main one", hard)
	}
	if id(mainNetwork) != hard || id("test") != hard {
		t.Error("the key that was made is not kept")
	}
}

// A node whose packages are damaged begins anew, and says so.
func TestDamagedDisk(t *testing.T) {
	d := openDisk(t, t.TempDir())
	first := run(t, 0, Config{Parcels: d.Parcels})
	if st, _ := first.State(); st.Lost != nil || st.Err != nil {
		t.Errorf("a new profile: %+v", st)
	}
	first.stop()
	if err := d.close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(d.dir, "parcels.db"), make([]byte, 16<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	again := run(t, 0, Config{Mode: Server, Parcels: openDisk(t, d.dir).Parcels})
	client := run(t, 0, Config{Mode: Client, Seeds: []string{again.multiaddr()}})
	client.awaitServers(1)
	client.mustPut(1, 1)
	if st, _ := again.State(); !errors.Is(st.Lost, store.ErrDamaged) || st.Err != nil {
		t.Errorf("after the damage: lost %v, problem %v", st.Lost, st.Err)
	}
}

// A node without packages, or whose key cannot be kept, is a client and says
// why. One whose disk fails later keeps nothing more.
func TestNoDisk(t *testing.T) {
	server := run(t, 0, Config{Mode: Server, Parcels: openDisk(t, t.TempDir()).Parcels})
	full := errors.New("the disk is full")
	broken := openDisk(t, t.TempDir())
	broken.fail(t)
	for _, tt := range []struct {
		name string
		cfg  Config
		want error
	}{
		{"no packages", Config{Problem: full}, full},
		{"a key that cannot be kept", Config{Mode: Server, Parcels: broken.Parcels}, store.ErrClosed},
	} {
		tt.cfg.Seeds = []string{server.multiaddr()}
		r := run(t, 0, tt.cfg)
		r.awaitServers(1)
		r.mustPut(1, 1)
		r.mustGet(1)
		if st, _ := r.State(); st.Mode != Client || !errors.Is(st.Err, tt.want) || st.Serves[dht.Near] {
			t.Errorf("%s: %+v, want a client with %v", tt.name, st, tt.want)
		}
		r.stop()
	}

	d := openDisk(t, t.TempDir())
	fails := run(t, 0, Config{Mode: Server, Parcels: d.Parcels})
	client := run(t, 0, Config{Mode: Client, Seeds: []string{fails.multiaddr()}})
	client.awaitServers(1)
	client.mustPut(2, 1)
	d.fail(t)
	if _, err := client.put(3); err == nil || !strings.Contains(err.Error(), "full") {
		t.Errorf("put at a node whose disk has failed: %v", err)
	}
	if st, _ := fails.State(); !errors.Is(st.Err, store.ErrClosed) {
		t.Errorf("the disk has failed, and it says %v", st.Err)
	}
}
