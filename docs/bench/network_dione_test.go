//go:build unix

package bench

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"dione/crypto/handshake"
	"dione/crypto/identity"
	"dione/crypto/parcel"
	"dione/net/dht"
	"dione/net/secure"
	"dione/net/sim"
	"dione/net/wire"
)

// dioneNode is the node of the program but for its disk: what it holds lies in
// memory, as libp2p's does.
type dioneNode struct {
	*dht.Node
	id    identity.ID
	addr  netip.AddrPort
	shelf sim.Shelf
	end   context.CancelFunc
	wg    sync.WaitGroup
}

func newDioneNode(b *testing.B, _ int, at netip.Addr, begin member) member {
	key, err := identity.Generate(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	endpoint, err := secure.NewEndpoint(secure.Config{Realm: handshake.DHT, Network: wire.NetworkID("bench"), Key: key})
	if err != nil {
		b.Fatal(err)
	}
	lc := net.ListenConfig{KeepAlive: -1}
	ln, err := lc.Listen(b.Context(), "tcp", netip.AddrPortFrom(at, 0).String())
	if err != nil {
		b.Fatal(err)
	}
	n := &dioneNode{id: key.ID(), addr: ln.Addr().(*net.TCPAddr).AddrPort()}
	holder := dht.NewHolder(dht.HolderConfig{Shelf: &n.shelf})
	dialer := net.Dialer{KeepAlive: -1, LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(at, 0))}
	n.Node = dht.NewNode(dht.NodeConfig{
		Router: dht.RouterConfig{ID: n.id, Port: n.addr.Port(), Server: true},
		Keep: func(near dht.Neighbours) dht.Keeper {
			holder.Join(near)
			return holder
		},
		Dial: func(ctx context.Context, id identity.ID, addr netip.AddrPort) (net.Conn, error) {
			raw, err := dialer.DialContext(ctx, "tcp", addr.String())
			if err != nil {
				return nil, err
			}
			return endpoint.Client(ctx, raw, secure.Target{ID: id})
		},
	})
	var ctx context.Context
	ctx, n.end = context.WithCancel(b.Context())
	n.wg.Go(func() { _ = n.Run(ctx) }) // it has no errors
	n.wg.Go(func() {
		defer context.AfterFunc(ctx, func() { _ = ln.Close() })()
		for {
			raw, err := ln.Accept()
			if err != nil {
				return // it is closed, or out of files: then others miss us
			}
			n.wg.Go(func() {
				if conn, err := endpoint.Server(ctx, raw); err == nil {
					n.Serve(conn, conn.Peer(), raw.RemoteAddr().(*net.TCPAddr).AddrPort())
				}
			})
		}
	})
	if o, ok := begin.(*dioneNode); ok {
		n.Hear([]*dht.Contact{dht.NewContact(o.id, o.addr)})
	}
	return n
}

func (n *dioneNode) place() dht.Key { return dht.KeyOf(n.id) }

func (n *dioneNode) known() (keys []dht.Key) {
	for _, c := range n.Contacts(dht.Near) {
		keys = append(keys, c.Key)
	}
	return keys
}

// somePackage returns package number i, and where it belongs.
func somePackage(i int) (seed parcel.Seed, location dht.Key) {
	binary.BigEndian.PutUint64(seed[:], uint64(i))
	return seed, dht.KeyOf(identity.ID(seed))
}

func (n *dioneNode) put(ctx context.Context, value int) error {
	seed, location := somePackage(value)
	whole := parcel.Seal(&parcel.Core{byte(value)}, seed, location, uint32(time.Now().Unix()/3600)+24)
	_, err := n.Put(ctx, dht.Near, location, whole[:])
	return err
}

func (n *dioneNode) get(ctx context.Context, value int) bool {
	seed, location := somePackage(value)
	hint := seed.Address().Hint()
	g, err := n.Get(ctx, dht.Near, location, dht.ForReading(1), []dht.Hint{hint}, dht.Replicas)
	return err == nil && g.Packages[hint] != nil
}

func (n *dioneNode) holds(value int) bool {
	seed, _ := somePackage(value)
	items, err := n.shelf.Find([]dht.Hint{seed.Address().Hint()})
	return err == nil && len(items) == 1
}

func (n *dioneNode) asked() uint64 { return n.Stats().Asked }

func (n *dioneNode) stop() {
	n.end()
	n.wg.Wait()
}
