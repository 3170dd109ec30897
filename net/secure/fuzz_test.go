package secure

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"

	"dione/crypto/handshake"
	"dione/crypto/kdf"
)

// memory is a connection that holds all that the other side will ever say.
type memory struct {
	net.Conn // nil: whatever else is called is a mistake
	in       *bytes.Reader
	out      bytes.Buffer
}

func (m *memory) Read(p []byte) (int, error)  { return m.in.Read(p) }
func (m *memory) Write(p []byte) (int, error) { return m.out.Write(p) }
func (*memory) Close() error                  { return nil }
func (*memory) RemoteAddr() net.Addr          { return new(net.TCPAddr) }
func (*memory) SetDeadline(time.Time) error   { return nil }

// FuzzServer gives a server all that a stranger can say in one breath. None
// of it can be a handshake, since frame 3 depends on our frame 2.
func FuzzServer(f *testing.F) {
	e := newEndpoint(f, Config{})
	_, first, err := handshake.Dial(handshake.Config{
		Realm: handshake.Chat, Network: testNetwork, Static: newEndpoint(f, Config{}).cache, Now: time.Now(),
	}, Target{DialKey: instance})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(first)
	f.Add(append(bytes.Clone(first), 0, 0))
	f.Add([]byte("c\x08\x01"))
	f.Add([]byte("d"))
	f.Fuzz(func(t *testing.T, in []byte) {
		e.gate = newGate() // its rate is not meant
		m := &memory{in: bytes.NewReader(in)}
		if _, err := e.Server(t.Context(), m, instance); err == nil {
			t.Error("a monologue is a handshake")
		}
		if m.out.Len() > 0 && !namesUs(in) {
			t.Errorf("%x, which does not name us, is answered", in)
		}
	})
}

// namesUs reports whether in begins with a frame 1 that has our dial proof.
func namesUs(in []byte) bool {
	if len(in) < 3 || len(in) < 3+int(binary.BigEndian.Uint16(in[1:])) {
		return false
	}
	frame := in[3 : 3+int(binary.BigEndian.Uint16(in[1:]))]
	if len(frame) < 16 {
		return false
	}
	message, proof := frame[:len(frame)-16], frame[len(frame)-16:]
	mac := hmac.New(sha256.New, instance)
	mac.Write([]byte(kdf.Dial))
	mac.Write(message)
	return hmac.Equal(mac.Sum(nil)[:16], proof)
}

// FuzzRecords gives an authenticated connection bytes that nobody sealed.
func FuzzRecords(f *testing.F) {
	client, server := pair(f)
	record := client.session.Send.Seal(append(make([]byte, handshake.Head), "hello"...))
	f.Add(record)
	f.Add(record[:40])
	f.Add([]byte{0xff, 0xff})
	opener := *server.session.Recv
	f.Fuzz(func(t *testing.T, in []byte) {
		recv, session := opener, *server.session
		session.Recv = &recv
		c := newMemoryConn(in, &session)
		got, err := io.ReadAll(c)
		if len(got) > 0 && !bytes.HasPrefix(in, record) {
			t.Errorf("%x, which nobody sealed, opens as %x (%v)", in, got, err)
		}
	})
}

func newMemoryConn(in []byte, s *handshake.Session) *Conn {
	m := &memory{in: bytes.NewReader(in)}
	c := &Conn{raw: m, in: newBuffer(m)}
	c.start(s)
	return c
}
