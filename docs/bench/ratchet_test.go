// Package bench measures dione beside other programs' libraries, in one run. It
// is a module of its own, so that dione depends on none of them.
package bench

import (
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"testing"

	"go.mau.fi/libsignal/keys/prekey"
	"go.mau.fi/libsignal/logger"
	"go.mau.fi/libsignal/protocol"
	"go.mau.fi/libsignal/serialize"
	"go.mau.fi/libsignal/session"
	"go.mau.fi/libsignal/tests"
	"go.mau.fi/libsignal/util/keyhelper"

	"dione/crypto/parcel"
	"dione/crypto/ratchet"
)

// text is what each message carries.
var text = make([]byte, 256)

// talker is one end of an established session.
type talker interface {
	seal(b *testing.B) any
	open(b *testing.B, message any)
}

// BenchmarkOneWay seals and opens messages in one direction, BenchmarkPingPong
// changes the direction after each.
func BenchmarkOneWay(b *testing.B)   { compare(b, false) }
func BenchmarkPingPong(b *testing.B) { compare(b, true) }

func compare(b *testing.B, turns bool) {
	for name, pair := range map[string]func(*testing.B) (talker, talker){"dione": newDione, "libsignal": newLibsignal} {
		b.Run(name, func(b *testing.B) {
			from, to := pair(b)
			for range 3 { // both have written: no set-up rides along any more
				to.open(b, from.seal(b))
				from.open(b, to.seal(b))
			}
			for b.Loop() {
				to.open(b, from.seal(b))
				if turns {
					from, to = to, from
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}

// dione is an end of ours: fragments and acknowledgements included.
type dione struct {
	s     *ratchet.Session
	other *dione
	count int
}

func newDione(b *testing.B) (talker, talker) {
	spk, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	var sk, ad [32]byte
	_, _ = rand.Read(sk[:])
	s, err := ratchet.Initiate(sk, ad, [32]byte(spk.PublicKey().Bytes()))
	if err != nil {
		b.Fatal(err)
	}
	x, y := &dione{s: s}, &dione{s: ratchet.Accept(sk, ad, spk)}
	x.other, y.other = y, x
	return x, y
}

func (d *dione) seal(b *testing.B) any {
	if d.count++; d.count%32 == 0 {
		if _, err := d.s.Acknowledged(d.other.s.Received(), true); err != nil {
			b.Fatal(err)
		}
	}
	body, err := parcel.Fragment{Message: [16]byte{1}, Parts: 1, Data: text}.Encode()
	if err != nil {
		b.Fatal(err)
	}
	sealed, err := d.s.Seal(rand.Reader, &body)
	if err != nil {
		b.Fatal(err)
	}
	return &sealed
}

func (d *dione) open(b *testing.B, message any) {
	sealed := message.(*ratchet.Sealed)
	opened, err := d.s.Open([8]byte{}, &sealed.Core, 0)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := parcel.DecodeFragment(&opened.Body); err != nil {
		b.Fatal(err)
	}
}

// libsignal is an end of a session of go.mau.fi/libsignal (X3DH, no
// post-quantum part, headers not encrypted), in its fastest use: the session
// stays in memory as it is.
type libsignal struct {
	cipher  *session.Cipher
	wire    *serialize.Serializer
	builder *session.Builder
}

// quiet drops what libsignal prints.
type quiet struct{}

func (quiet) Debug(string, string)   {}
func (quiet) Info(string, string)    {}
func (quiet) Warning(string, string) {}
func (quiet) Error(string, string)   {}
func (quiet) Configure(string)       {}

func newLibsignal(b *testing.B) (talker, talker) {
	var none logger.Loggable = quiet{}
	logger.Setup(&none)
	wire := serialize.NewProtoBufSerializer()
	ann, bob := protocol.NewSignalAddress("ann", 1), protocol.NewSignalAddress("bob", 1)
	x, _ := newUser(b, wire, bob)
	y, bundle := newUser(b, wire, ann)
	ctx := context.Background()
	if err := x.builder.ProcessBundle(ctx, bundle); err != nil {
		b.Fatal(err)
	}
	x.cipher = session.NewCipher(x.builder, bob)
	y.cipher = session.NewCipher(y.builder, ann)
	return x, y
}

func newUser(b *testing.B, wire *serialize.Serializer, peer *protocol.SignalAddress) (*libsignal, *prekey.Bundle) {
	ctx := context.Background()
	key, err := keyhelper.GenerateIdentityKeyPair()
	if err != nil {
		b.Fatal(err)
	}
	id := keyhelper.GenerateRegistrationID()
	signed, err := keyhelper.GenerateSignedPreKey(key, 0, wire.SignedPreKeyRecord)
	if err != nil {
		b.Fatal(err)
	}
	once, err := keyhelper.GeneratePreKeys(1, 1, wire.PreKeyRecord)
	if err != nil {
		b.Fatal(err)
	}
	preKeys, signedKeys := tests.NewInMemoryPreKey(), tests.NewInMemorySignedPreKey()
	for _, k := range once {
		if err := preKeys.StorePreKey(ctx, k.ID().Value, k); err != nil {
			b.Fatal(err)
		}
	}
	if err := signedKeys.StoreSignedPreKey(ctx, signed.ID(), signed); err != nil {
		b.Fatal(err)
	}
	builder := session.NewBuilder(tests.NewInMemorySession(wire), preKeys, signedKeys, tests.NewInMemoryIdentityKey(key, id), peer, wire)
	bundle := prekey.NewBundle(id, 1, once[0].ID(), signed.ID(), once[0].KeyPair().PublicKey(), signed.KeyPair().PublicKey(), signed.Signature(), key.PublicKey())
	return &libsignal{wire: wire, builder: builder}, bundle
}

func (l *libsignal) seal(b *testing.B) any {
	m, err := l.cipher.Encrypt(context.Background(), text)
	if err != nil {
		b.Fatal(err)
	}
	return m
}

func (l *libsignal) open(b *testing.B, message any) {
	ctx := context.Background()
	bytes := message.(protocol.CiphertextMessage).Serialize()
	if message.(protocol.CiphertextMessage).Type() == protocol.PREKEY_TYPE {
		m, err := protocol.NewPreKeySignalMessageFromBytes(bytes, l.wire.PreKeySignalMessage, l.wire.SignalMessage)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := l.cipher.DecryptMessage(ctx, m); err != nil {
			b.Fatal(err)
		}
		return
	}
	m, err := protocol.NewSignalMessageFromBytes(bytes, l.wire.SignalMessage)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := l.cipher.Decrypt(ctx, m); err != nil {
		b.Fatal(err)
	}
}
