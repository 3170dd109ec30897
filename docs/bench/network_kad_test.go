//go:build unix

package bench

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/ipfs/go-datastore"
	datasync "github.com/ipfs/go-datastore/sync"
	"github.com/libp2p/go-libp2p"
	kad "github.com/libp2p/go-libp2p-kad-dht"
	pb "github.com/libp2p/go-libp2p-kad-dht/pb"
	kb "github.com/libp2p/go-libp2p-kbucket"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/net/connmgr"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	"github.com/multiformats/go-base32"

	"dione/net/dht"
)

// kadNode is a node of libp2p's kad-dht with its defaults: a server, over TCP,
// noise and yamux, values in memory.
type kadNode struct {
	*kad.IpfsDHT
	host   host.Host
	values datastore.Batching
	sent   atomic.Uint64
}

// kadNodes is all of them: who is asked counts for who asks.
var kadNodes sync.Map

func newKadNode(b *testing.B, nodes int, at netip.Addr, begin member) member {
	connections, err := connmgr.NewConnManager(connectionsOf(b, nodes))
	if err != nil {
		b.Fatal(err)
	}
	h, err := libp2p.New(
		libp2p.ListenAddrStrings(fmt.Sprintf("/ip4/%s/tcp/0", at)),
		libp2p.Transport(tcp.NewTCPTransport),
		libp2p.Security(noise.ID, noise.New),
		libp2p.DefaultMuxers,
		libp2p.ResourceManager(&network.NullResourceManager{}),
		libp2p.ConnectionManager(connections),
		libp2p.DisableRelay(),
	)
	if err != nil {
		b.Fatal(err)
	}
	n := &kadNode{host: h, values: datasync.MutexWrap(datastore.NewMapDatastore())}
	kadNodes.Store(h.ID(), n)
	if o, ok := begin.(*kadNode); ok {
		if err := h.Connect(b.Context(), peer.AddrInfo{ID: o.host.ID(), Addrs: o.host.Addrs()}); err != nil {
			b.Fatal(err)
		}
	}
	n.IpfsDHT, err = kad.New(b.Context(), h,
		kad.Mode(kad.ModeServer),
		kad.Datastore(n.values),
		kad.ProtocolPrefix("/bench"),
		kad.NamespacedValidator("bench", anyValue{}),
		kad.OnRequestHook(func(_ context.Context, s network.Stream, _ *pb.Message) {
			if from, ok := kadNodes.Load(s.Conn().RemotePeer()); ok {
				from.(*kadNode).sent.Add(1)
			}
		}),
	)
	if err == nil {
		err = n.Bootstrap(b.Context())
	}
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// connectionsOf returns between how many connections a node closes some, and
// how long it leaves new ones alone: libp2p's defaults, or what all nodes of
// one process can have open.
func connectionsOf(b *testing.B, nodes int) (low, high int, grace connmgr.Option) {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		b.Fatal(err)
	}
	low, high, grace = 160, 192, connmgr.WithGracePeriod(20*time.Second)
	if most := int(files.Cur) / 2 / nodes; most < high {
		low, high, grace = most*3/4, most, connmgr.WithGracePeriod(time.Second)
	}
	return low, high, grace
}

// anyValue takes every value.
type anyValue struct{}

func (anyValue) Validate(string, []byte) error        { return nil }
func (anyValue) Select(string, [][]byte) (int, error) { return 0, nil }

func (n *kadNode) place() dht.Key { return dht.Key(kb.ConvertPeerID(n.host.ID())) }

func (n *kadNode) known() (keys []dht.Key) {
	for _, p := range n.RoutingTable().ListPeers() {
		keys = append(keys, dht.Key(kb.ConvertPeerID(p)))
	}
	return keys
}

func someValue(i int) (key string, value []byte) {
	value = bytes.Repeat([]byte{byte(i)}, valueSize)
	binary.BigEndian.PutUint64(value, uint64(i))
	return fmt.Sprintf("/bench/%d", i), value
}

func (n *kadNode) put(ctx context.Context, i int) error {
	key, value := someValue(i)
	return n.PutValue(ctx, key, value)
}

// get is content with the first value, as dione is.
func (n *kadNode) get(ctx context.Context, i int) bool {
	key, value := someValue(i)
	got, err := n.GetValue(ctx, key, kad.Quorum(1))
	return err == nil && bytes.Equal(got, value)
}

func (n *kadNode) holds(i int) bool {
	key, _ := someValue(i)
	there, err := n.values.Has(context.Background(), datastore.NewKey(base32.RawStdEncoding.EncodeToString([]byte(key))))
	return err == nil && there
}

func (n *kadNode) asked() uint64 { return n.sent.Load() }

func (n *kadNode) stop() {
	kadNodes.Delete(n.host.ID())
	_ = n.Close() // nothing is left that could be lost
	_ = n.host.Close()
}
