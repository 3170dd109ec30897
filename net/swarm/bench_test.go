package swarm

import (
	"context"
	"io"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"

	"dione/net/wire"
)

// Streams against raw TCP on loopback, in the same run.

// counted is what handlers of "count" have received.
var counted atomic.Int64

// count is a handler that counts what it receives.
func count(_ context.Context, _ *Conn, stream net.Conn) {
	buf := make([]byte, 64<<10)
	for {
		n, err := stream.Read(buf)
		counted.Add(int64(n))
		if err != nil {
			return
		}
	}
}

// tcpPair is raw TCP with handle at the far end.
func tcpPair(b *testing.B, handle func(net.Conn)) net.Conn {
	b.Helper()
	ln, err := net.Listen("tcp", loopback.String())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = ln.Close() })
	go func() {
		if c, err := ln.Accept(); err == nil {
			handle(c)
		}
	}()
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.Close() })
	return c
}

// stream opens a stream between two swarms.
func stream(b *testing.B, protocol string) net.Conn {
	b.Helper()
	conn, _ := benchPair(b)
	s, err := conn.Open(b.Context(), protocol)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	return s
}

func benchPair(b *testing.B) (here, there *Conn) {
	b.Helper()
	ann, stopAnn := startTCP(b, loopback)
	b.Cleanup(stopAnn)
	bob, stopBob := startTCP(b, loopback)
	b.Cleanup(stopBob)
	ann.Hint(bob.cfg.Instance, []netip.AddrPort{netip.AddrPortFrom(loopback.Addr(), bob.Port())})
	return nextEvent(b, ann).(Up).Conn, nextEvent(b, bob).(Up).Conn
}

func BenchmarkRoundTrip256(b *testing.B) {
	trip := func(b *testing.B, c net.Conn) {
		buf := make([]byte, 256)
		b.SetBytes(2 * 256)
		for b.Loop() {
			if _, err := c.Write(buf); err != nil {
				b.Fatal(err)
			}
			if _, err := io.ReadFull(c, buf); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("tcp", func(b *testing.B) { trip(b, tcpPair(b, func(c net.Conn) { echo(b.Context(), nil, c) })) })
	b.Run("stream", func(b *testing.B) { trip(b, stream(b, "echo")) })
}

func BenchmarkBulk(b *testing.B) {
	bulk := func(b *testing.B, c net.Conn) {
		buf := make([]byte, 64<<10)
		counted.Store(0)
		b.SetBytes(int64(len(buf)))
		sent := int64(0)
		for b.Loop() {
			n, err := c.Write(buf)
			if err != nil {
				b.Fatal(err)
			}
			sent += int64(n)
		}
	}
	b.Run("tcp", func(b *testing.B) { bulk(b, tcpPair(b, func(c net.Conn) { count(b.Context(), nil, c) })) })
	b.Run("stream", func(b *testing.B) { bulk(b, stream(b, "count")) })
}

// BenchmarkMessages sends small messages each in a frame of its own, and in
// batches of 100 as the engine does under load.
func BenchmarkMessages(b *testing.B) {
	payload := wire.Content{ID: [16]byte{1}, Seq: 1, Sent: 1, Text: "did the build pass?"}.Encode()
	for _, batch := range []int{1, 100} {
		b.Run(map[int]string{1: "single", 100: "batches"}[batch], func(b *testing.B) {
			c := stream(b, "count")
			var buf []byte
			b.ReportAllocs()
			for i := 0; i < b.N; i += batch {
				buf = buf[:0]
				for range batch {
					buf = wire.AppendMessage(buf, wire.Room{Payload: payload})
				}
				if _, err := c.Write(buf); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}

// BenchmarkConnect is dial, handshake and link stream, up to the Up of both
// sides, which run on the same processors.
func BenchmarkConnect(b *testing.B) {
	b.Run("tcp", func(b *testing.B) {
		ln, err := net.Listen("tcp", loopback.String())
		if err != nil {
			b.Fatal(err)
		}
		defer ln.Close()
		go func() {
			for {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				_ = c.Close()
			}
		}()
		for b.Loop() {
			c, err := net.Dial("tcp", ln.Addr().String())
			if err != nil {
				b.Fatal(err)
			}
			_, _ = c.Read(make([]byte, 1)) // its end
			_ = c.Close()
		}
	})
	b.Run("swarm", func(b *testing.B) {
		ann, stopAnn := startTCP(b, loopback)
		defer stopAnn()
		var bob *Swarm
		stopBob := func() {}
		defer func() { stopBob() }()
		for i := 0; b.Loop(); i++ {
			b.StopTimer()
			if i%50 == 0 { // more from one address would have to wait, crypto/PROTOCOL.md
				stopBob()
				bob, stopBob = startTCP(b, loopback)
			}
			b.StartTimer()
			c, err := ann.Dial(b.Context(), bob.cfg.Self, []netip.AddrPort{netip.AddrPortFrom(loopback.Addr(), bob.Port())})
			if err != nil {
				b.Fatal(err)
			}
			nextEvent(b, ann)
			nextEvent(b, bob)
			b.StopTimer()
			c.Close("end of this round")
			nextEvent(b, ann)
			nextEvent(b, bob)
			b.StartTimer()
		}
	})
}
