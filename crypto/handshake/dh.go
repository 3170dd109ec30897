package handshake

import (
	"crypto/ecdh"
	"errors"
	"io"

	"github.com/flynn/noise"
)

// dh is X25519 for one handshake. It keeps the two private keys and gives
// noise only their names: private bytes lie in fewer places, and each public
// half is computed once, where noise.DH25519 does it again for every product.
type dh struct {
	static    *ecdh.PrivateKey
	ephemeral *ecdh.PrivateKey
}

// The names of the keys, which noise takes for the private bytes.
var (
	staticName    = []byte{'s'}
	ephemeralName = []byte{'e'}
)

func (d *dh) staticPair() noise.DHKey {
	return noise.DHKey{Private: staticName, Public: d.static.PublicKey().Bytes()}
}

// GenerateKeypair makes the ephemeral key.
func (d *dh) GenerateKeypair(rand io.Reader) (noise.DHKey, error) {
	key, err := newX25519(rand)
	if err != nil {
		return noise.DHKey{}, err
	}
	d.ephemeral = key
	return noise.DHKey{Private: ephemeralName, Public: key.PublicKey().Bytes()}, nil
}

// DH multiplies the named key with a point of the peer. It refuses the points
// of low order, with which the product would not depend on our key.
func (d *dh) DH(name, point []byte) ([]byte, error) {
	key := d.static
	if name[0] == ephemeralName[0] {
		key = d.ephemeral
	}
	if key == nil {
		return nil, errors.New("ephemeral key is missing")
	}
	pub, err := ecdh.X25519().NewPublicKey(point)
	if err != nil {
		return nil, err
	}
	return key.ECDH(pub)
}

// DHLen is the length of points and products.
func (*dh) DHLen() int { return 32 }

// DHName is the name in the Noise protocol's name.
func (*dh) DHName() string { return "25519" }

// newX25519 makes a key of 32 bytes from rand; ecdh.GenerateKey does not read
// them from where it is told to.
func newX25519(rand io.Reader) (*ecdh.PrivateKey, error) {
	var b [32]byte
	if _, err := io.ReadFull(rand, b[:]); err != nil {
		return nil, err
	}
	return ecdh.X25519().NewPrivateKey(b[:])
}
