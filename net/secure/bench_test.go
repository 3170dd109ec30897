package secure

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"io"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/flynn/noise"
)

// loopback gives two ends of a TCP connection.
func loopback(b *testing.B) (client, server net.Conn) {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
		b.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = client.Close(); _ = server.Close() })
	return client, server
}

// tlsConfig is mutual TLS 1.3 with the same mixture of key exchanges.
func tlsConfig(b *testing.B) *tls.Config {
	b.Helper()
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, pub, key)
	if err != nil {
		b.Fatal(err)
	}
	return &tls.Config{
		Certificates:           []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		InsecureSkipVerify:     true, // as here: the key is the name
		ClientAuth:             tls.RequireAnyClientCert,
		MinVersion:             tls.VersionTLS13,
		CurvePreferences:       []tls.CurveID{tls.X25519MLKEM768},
		SessionTicketsDisabled: true,
	}
}

// BenchmarkHandshake is the work of both sides, over a pipe.
func BenchmarkHandshake(b *testing.B) {
	b.Run("dione", func(b *testing.B) {
		client, server := newEndpoint(b, Config{}), newEndpoint(b, Config{})
		for b.Loop() {
			server.gate = newGate() // its rate is not meant
			x, y := net.Pipe()
			c, s := meet(b.Context(), client, server, x, y, Target{DialKey: instance})
			if c.err != nil || s.err != nil {
				b.Fatal(c.err, s.err)
			}
			_ = x.Close()
		}
	})
	b.Run("tls", func(b *testing.B) {
		client, server := tlsConfig(b), tlsConfig(b)
		for b.Loop() {
			x, y := net.Pipe()
			done := make(chan error)
			go func() { done <- tls.Server(y, server).Handshake() }()
			if err := tls.Client(x, client).Handshake(); err != nil {
				b.Fatal(err)
			}
			if err := <-done; err != nil {
				b.Fatal(err)
			}
			_ = x.Close()
		}
	})
}

// noiseConn is the least that sends Noise messages over a connection.
type noiseConn struct {
	net.Conn
	send, recv *noise.CipherState
	in, out    []byte
}

func (c *noiseConn) Write(p []byte) (int, error) {
	var err error
	c.out = append(c.out[:0], 0, 0)
	if c.out, err = c.send.Encrypt(c.out, nil, p); err != nil {
		return 0, err
	}
	binary.BigEndian.PutUint16(c.out, uint16(len(c.out)-2))
	_, err = c.Conn.Write(c.out)
	return len(p), err
}

// Read wants room for a whole message.
func (c *noiseConn) Read(p []byte) (int, error) {
	var head [2]byte
	if _, err := io.ReadFull(c.Conn, head[:]); err != nil {
		return 0, err
	}
	frame := c.in[:binary.BigEndian.Uint16(head[:])]
	if _, err := io.ReadFull(c.Conn, frame); err != nil {
		return 0, err
	}
	plain, err := c.recv.Decrypt(p[:0], nil, frame)
	return len(plain), err
}

func noiseEnds(b *testing.B) (client, server net.Conn) {
	x, y := loopback(b)
	suite := noise.NewCipherSuite(noise.DH25519, noise.CipherChaChaPoly, noise.HashSHA256)
	state := func() *noise.CipherState {
		var key [32]byte
		return noise.UnsafeNewCipherState(suite, key, 0)
	}
	return &noiseConn{x, state(), state(), make([]byte, 1<<16), nil}, &noiseConn{y, state(), state(), make([]byte, 1<<16), nil}
}

func dioneEnds(b *testing.B) (client, server net.Conn) {
	x, y := loopback(b)
	return pairOver(b, x, y)
}

// tlsEnds chooses ChaCha20 where the machine does: TLS 1.3 lets nobody say.
func tlsEnds(b *testing.B) (client, server net.Conn) {
	x, y := loopback(b)
	c, s := tls.Client(x, tlsConfig(b)), tls.Server(y, tlsConfig(b))
	done := make(chan error)
	go func() { done <- s.Handshake() }()
	if err := c.Handshake(); err != nil {
		b.Fatal(err)
	}
	if err := <-done; err != nil {
		b.Fatal(err)
	}
	b.Log(tls.CipherSuiteName(c.ConnectionState().CipherSuite))
	return c, s
}

// kinds are the connections that are compared, the raw one first.
var kinds = []struct {
	name string
	ends func(*testing.B) (client, server net.Conn)
}{{"tcp", loopback}, {"noise", noiseEnds}, {"dione", dioneEnds}, {"tls", tlsEnds}}

// BenchmarkBulk sends one way, in writes as long as the longest record.
func BenchmarkBulk(b *testing.B) {
	const size = 65517
	for _, kind := range kinds {
		b.Run(kind.name, func(b *testing.B) {
			client, server := kind.ends(b)
			done := make(chan error, 1)
			total := make(chan int64, 1)
			go func() {
				var n int64
				want, buf := <-total, make([]byte, 1<<16)
				for n < want {
					m, err := server.Read(buf)
					if err != nil {
						done <- err
						return
					}
					n += int64(m)
				}
				done <- nil
			}()
			p := make([]byte, size)
			total <- int64(b.N) * size
			b.SetBytes(size)
			b.ResetTimer()
			for range b.N {
				if _, err := client.Write(p); err != nil {
					b.Fatal(err)
				}
			}
			if err := <-done; err != nil {
				b.Fatal(err)
			}
		})
	}
}

// BenchmarkRoundTrip sends a small message there and back.
func BenchmarkRoundTrip(b *testing.B) {
	const size = 254 // a record of the least length
	for _, kind := range kinds {
		b.Run(kind.name, func(b *testing.B) {
			client, server := kind.ends(b)
			go func() {
				buf := make([]byte, 1<<16)
				for {
					n, err := server.Read(buf)
					if err != nil {
						return
					}
					if _, err := server.Write(buf[:n]); err != nil {
						return
					}
				}
			}()
			p, buf := make([]byte, size), make([]byte, 1<<16)
			for b.Loop() {
				if _, err := client.Write(p); err != nil {
					b.Fatal(err)
				}
				for n := 0; n < size; {
					m, err := client.Read(buf)
					if err != nil {
						b.Fatal(err)
					}
					n += m
				}
			}
		})
	}
}
