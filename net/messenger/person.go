package messenger

import "dione/crypto/identity"

// Person is somebody known to the profile, as screens show them.
type Person struct {
	ID       identity.ID
	Name     string   // petname, else claimed name, else the tag
	Claimed  string   // the name the person gives, cleaned; may be ""
	Petname  string   // the name the user gave, or ""
	Tag      string   // 4 characters; 8 where two known people share name and tag
	Path     Path     // way of the live link; PathNone when there is none
	Contact  bool     // added, or ever chatted with in private
	LastSeen int64    // unix milliseconds of the end of the last live link, 0 if never
	Standing Standing // what they may do
	Verified bool     // the user has compared safety numbers
	Addrs    []string // multiaddrs at which they are looked for
	Problem  string   // why they were not reached lately, in a few words; "" if they were
	Welcome  bool     // they are connected, and have accepted us: private messages reach them
	Pending  bool     // they are connected, and have not accepted us yet, as far as is known
	Mail     bool     // there is a session with them: while they are away, the mail network can keep what we write
}

// Near reports whether there is a live link over the LAN now.
func (p Person) Near() bool { return p.Path == PathLAN }

// Connected reports whether there is any live link now.
func (p Person) Connected() bool { return p.Path != PathNone }

// String tells p in a log or an error: name and tag.
func (p Person) String() string { return p.Name + " ·" + p.Tag }
