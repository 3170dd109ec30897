package kdf

// Label names one purpose for which bytes are derived, hashed or signed. No
// two purposes share a label, and none is the beginning of another: derived
// keys would then depend on what is written behind it.
type Label string

// Labels of HKDF-Expand: from the profile's data key.
const (
	StoreDB     Label = "dione/1 store db"     // pages of dione.db
	StoreRecord Label = "dione/1 store record" // secrets inside dione.db: the identity
)

// Labels of hashes, MACs and signatures: the transport handshake.
const (
	Prologue    Label = "dione/1\x00"              // Noise prologue
	Dial        Label = "dione/1 dial"             // HMAC: whom the initiator wants
	Ready       Label = "dione/1 ready"            // SHA-256: the responder agrees
	NoiseStatic Label = "dione/1 noise static\x00" // ed25519: the identity owns a transport key
)

// Labels of sessions: HKDF-Expand, but where another use is named.
const (
	Session Label = "dione/1 session" // from SK: the first root, header and address keys
	Root    Label = "dione/1 root"    // one ratchet step
	Message Label = "dione/1 message" // chain key to the next one and a message key
	Address Label = "dione/1 address" // address chain to the next one and a seed; SHA-256: an address from its public key
	Package Label = "dione/1 package" // ed25519: who put a package
)
