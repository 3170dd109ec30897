package kdf

// Label names one purpose for which bytes are derived, hashed or signed. No
// two purposes share a label, and none is the beginning of another: derived
// keys would then depend on what is written behind it.
type Label string

// Labels of HKDF-Expand: from the profile's data key.
const (
	StoreDB     Label = "dione/1 store db"     // pages of dione.db
	StoreRecord Label = "dione/1 store record" // secrets inside dione.db: the identity
	HeldDB      Label = "dione/1 held db"      // pages of parcels.db
	HeldRecord  Label = "dione/1 held record"  // secrets inside parcels.db: the node's key
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

// Labels of the session set-up, crypto/pqxdh.
const (
	IK                Label = "dione/1 ik"                 // ed25519: the identity owns a long-term X25519 key
	Bundle            Label = "dione/1 bundle"             // ed25519: the identity owns the keys of a bundle
	PQXDH             Label = "dione/1 pqxdh"              // first word of the transcript, and HKDF-Expand to SK with the transcript's hash
	SID               Label = "dione/1 sid"                // HKDF-Expand: the name of a session
	Reset             Label = "dione/1 reset"              // HKDF-Expand: where a lost session is set up anew
	LocationInitiator Label = "dione/1 location initiator" // HKDF-Expand: first location key of what the initiator sends
	LocationResponder Label = "dione/1 location responder" // HKDF-Expand: the same of the responder
	ForContact        Label = "dione/1 for contact"        // SHA-256: a bundle is for a contact
	ForReset          Label = "dione/1 for reset"          // SHA-256: a bundle is for a contact that has lost its session
	ForInvitation     Label = "dione/1 for invitation"     // HKDF-Expand: a bundle is for who has an invitation
	Invitation        Label = "dione/1 invitation"         // HKDF-Extract, as salt: the key of an invitation
	Proof             Label = "dione/1 proof"              // HKDF-Expand: somebody has an invitation
	SafetyNumber      Label = "dione/1 safety number"      // SHA-512: the digits that two people compare
)

// Labels of mail without a session, crypto/rendezvous.
const (
	IntroInitiator Label = "dione/1 intro initiator" // HKDF-Expand: the chain on which the initiator writes
	IntroResponder Label = "dione/1 intro responder" // HKDF-Expand: the same of the responder
	OnInvitation   Label = "dione/1 on invitation"   // SHA-256: what mail on an invitation is bound to
	OnReset        Label = "dione/1 on reset"        // SHA-256: what mail on a lost session is bound to
)

// Labels of the mailbox, net/mailbox.
const (
	LocationDay   Label = "dione/1 location day"   // HKDF-Expand: the location key of the next day
	LocationPlace Label = "dione/1 location place" // SHA-256: one of the places of a day
)

// Labels of HKDF-Expand: from the key that a backup's passphrase gives.
const (
	BackupMAC  Label = "dione/1 backup mac"  // of the head
	BackupData Label = "dione/1 backup data" // of the content
)
