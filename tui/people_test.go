package tui

import (
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"

	"dione/net/messenger"
)

// peopleFake knows somebody of every sort.
func peopleFake() *fake {
	at := ago(2 * time.Hour).UnixMilli()
	trusted := carol
	trusted.Verified, trusted.Contact, trusted.Standing = true, true, messenger.StandingAccepted
	far := someone(20, "frank", messenger.PathDirect)
	far.Contact, far.Standing = true, messenger.StandingAccepted
	asked := someone(21, "grace", messenger.PathDirect)
	asked.Contact, asked.Standing, asked.Pending = true, messenger.StandingAccepted, true
	unreached := someone(22, "heidi", messenger.PathNone)
	unreached.Contact, unreached.Standing = true, messenger.StandingAccepted
	unreached.Petname, unreached.Name, unreached.Claimed = "heidi", "heidi", "Heidi K."
	unreached.Addrs, unreached.Problem = []string{"/dns4/heidi.example.org/tcp/4001", "/ip6/2001:db8::7/tcp/4001"}, "no dione runs there now"
	blocked := someone(23, "mallory", messenger.PathDirect)
	blocked.Standing = messenger.StandingBlocked
	away := stranger(25, "trent")
	away.Path, away.LastSeen = messenger.PathNone, at
	return newFake(bob, trusted, far, asked, someDave(), unreached, stranger(24, "oscar"), away, blocked)
}

func (f *fake) named(name string) messenger.Person {
	for _, p := range f.people {
		if p.Name == name {
			return p
		}
	}
	panic("nobody is called " + name)
}

func peopleScreen(t *testing.T, w, h int, keys ...string) *screen {
	s := newScreen(t, peopleFake(), w, h)
	s.keys(keys...)
	return s
}

// peopleScreens are the screens about people for [TestGolden].
func peopleScreens() (screens []goldenScreen) {
	for _, tt := range []struct{ name, line string }{
		{"friends", ""},
		{"who", "/who"},
		{"requests", "/requests"},
		{"blocked", "/unblock"},
		{"verify", "/verify frank"},
		{"verified", "/verify carol"},
		{"invite", "/invite"},
		{"invitations", "/invite list"},
		{"card", "/who heidi"},
		{"card-request", "/who oscar"},
		{"chat-verified", "/msg carol"},
		{"chat-pending", "/msg grace"},
		{"chat-unreached", "/msg heidi"},
		{"chat-blocked", "/msg mallory"},
		{"chat-request", "/msg oscar"},
		{"added", "/add /ip4/203.0.113.7/tcp/4001/p2p/12D3KooW as zoe"},
	} {
		screens = append(screens, goldenScreen{tt.name, func(t *testing.T, w, h int) *screen {
			f := peopleFake()
			if tt.name == "invitations" {
				f.open = []messenger.Invitation{invitation(2), invitation(3)}
			}
			s := newScreen(t, f, w, h)
			if tt.line == "" {
				s.keys("tab")
			} else {
				s.keys(tt.line, "enter")
			}
			return s
		}})
	}
	return screens
}

func TestTrustCommands(t *testing.T) {
	tag := func(name string) string { return peopleFake().named(name).Tag }
	for _, tt := range []struct {
		line string
		call string // "" none
		want []string
	}{
		{"/add bogus as zoe", `add bogus as "zoe"`, []string{"✗ no address", "write one"}},
		{"/add /ip4/1.2.3.4 as z", `add /ip4/1.2.3.4 as "z"`, []string{"z ·" + zoe.Tag + " is a contact now", "dione looks for them"}},
		{"/add", "", []string{"✗ /add cannot be read"}},
		{"/invite", "invite", []string{"Invitation", "dione:mfzq2abc", "Ends on 4 December", "c copies"}},
		{"/invite list", "", []string{"No invitation is open"}},
		{"/invite revoke dione:x", "", []string{"✗ no such invitation is open"}},
		{"/requests", "", []string{"oscar ·" + tag("oscar"), "here now", "trent ·" + tag("trent"), "last seen 12:31"}},
		{"/accept", "", []string{"Requests", "a accepts · b blocks"}},
		{"/accept oscar", "accept " + tag("oscar"), []string{"oscar ·" + tag("oscar") + " is a contact now and may write to you"}},
		{"/accept nobody", "", []string{`✗ nobody known is called "nobody"`}},
		{"/block", "", []string{"✗ whom? here is everybody: write /block NAME"}},
		{"/block bob", "block " + tag("bob"), []string{"bob ·" + tag("bob") + " is blocked", "they are not told"}},
		{"/block mallory", "", []string{"is blocked already"}},
		{"/unblock", "", []string{"Blocked", "mallory ·" + tag("mallory")}},
		{"/unblock mallory", "unblock " + tag("mallory"), []string{"is not blocked any more"}},
		{"/unblock bob", "", []string{"is not blocked"}},
		{"/verify", "", []string{"✗ whom?"}},
		{"/verify bob", "", []string{"Verify bob", "60 digits", "y they are the same"}},
		{"/verify bob done", "verified=true " + tag("bob"), []string{"bob is verified", "their tag is not shown any more"}},
		{"/verify carol done", "", []string{"carol is verified already"}},
		{"/unverify carol", "verified=false " + tag("carol"), []string{"carol ·" + tag("carol") + " is not verified any more"}},
		{"/unverify bob", "", []string{"is not verified"}},
		{"/unverify", "", []string{"✗ whom?"}},
		{"/who heidi", "", []string{"/dns4/heidi.example.org/tcp/4001", "Heidi K.", "no dione runs there now"}},
		{"/who nobody", "", []string{`✗ nobody known is called "nobody"`}},
	} {
		s := peopleScreen(t, 120, 40, tt.line, "enter")
		s.want(tt.want...)
		s.wantFit()
		if tt.call != "" {
			s.fake.wantCall(t, tt.call)
		} else if len(s.fake.calls) > 0 {
			t.Errorf("%s called %q", tt.line, s.fake.calls)
		}
	}
}

// In the chat with somebody, they are meant.
func TestTrustInChat(t *testing.T) {
	for _, tt := range []struct{ who, line, call, want string }{
		{"oscar", "/accept", "accept", "is a contact now"},
		{"oscar", "/block", "block", "oscar is blocked: /unblock takes it back"},
		{"mallory", "/unblock", "unblock", "is not blocked any more"},
		{"bob", "/verify done", "verified=true", "bob is verified"},
		{"carol", "/unverify", "verified=false", "carol is not verified any more"},
	} {
		s := peopleScreen(t, 120, 40, "/msg "+tt.who, "enter", tt.line, "enter")
		s.fake.wantCall(t, tt.call+" "+s.fake.named(tt.who).Tag)
		s.want(strings.Replace(tt.want, "carol is", "carol ·"+carol.Tag+" is", 1))
	}
	s := peopleScreen(t, 120, 40, "/msg bob", "enter", "/verify", "enter")
	number := messenger.SafetyNumber(ann.ID, bob.ID)
	s.want("Verify bob", number[:5]+" "+number[5:10]+" "+number[10:15]+" "+number[15:20])
}

func TestRequestsDialog(t *testing.T) {
	s := peopleScreen(t, 100, 30)
	oscar, trent := s.fake.named("oscar"), s.fake.named("trent")
	s.want("REQUESTS", " 2 │")
	s.keys("tab", "end", "enter")
	s.want("Requests", "STRANGERS WHO WOULD LIKE TO WRITE")
	s.keys("down", "enter")
	s.want("trent ·"+trent.Tag, "asks to write to you", trent.ID.String())
	s.keys("esc", "a")
	s.fake.wantCall(t, "accept "+trent.Tag)
	s.wantNot("trent ·" + trent.Tag + "  last")
	s.keys("b")
	s.fake.wantCall(t, "block "+oscar.Tag)
	s.want("No stranger asks to write to you.")
	s.wantNot("a accepts")
	s.keys("enter")
	s.wantNot("REQUESTS", "● oscar")
	s.want("○ trent")

	// One that comes while the dialog is open stands there at once.
	eve := stranger(30, "eve")
	s.fake.people = append(s.fake.people, eve)
	s.keys("/requests", "enter")
	s.tell(messenger.RequestReceived{Person: eve})
	s.want("eve ·"+eve.Tag, "here now")
	s.keys("esc")
	s.want("REQUESTS")
}

// The box of requests is no conversation to go to with Alt+↓.
func TestRequestsAreNoChat(t *testing.T) {
	s := peopleScreen(t, 100, 30, "alt+up")
	s.want("heidi", "not reached")
	s.keys("alt+down")
	s.want("write to everybody near")
}

func TestVerifyDialog(t *testing.T) {
	s := peopleScreen(t, 100, 40, "/msg bob", "enter", "/verify", "enter")
	s.want("Verify bob ·"+bob.Tag, "Not verified yet")
	s.keys("v", "x", "enter") // no key but one says so
	if len(s.fake.calls) > 0 {
		t.Fatalf("called %q", s.fake.calls)
	}
	s.keys("/verify", "enter", "y")
	s.fake.wantCall(t, "verified=true "+bob.Tag)
	s.want("✓ You have verified bob", "u takes it back")
	s.keys("esc")
	s.want("bob  verified · LAN", "● bob ")
	s.wantNot("bob ·" + bob.Tag)
	s.keys("/verify", "enter", "u", "esc")
	s.want("bob ·" + bob.Tag + "  LAN")
}

func TestInvitationDialog(t *testing.T) {
	s := peopleScreen(t, 120, 50, "/invite", "enter", "c")
	inv := invitation(2)
	if s.copied != inv.Text {
		t.Errorf("copied %q, want the invitation", s.copied)
	}
	s.want("copied, if your terminal permits")
	s.keys("esc", "/invite", "enter", "esc", "/invite list", "enter")
	s.want("Open invitations", "ddddd", "ccccc")
	s.keys("down", "enter") // the oldest is the last
	s.want(inv.Text[:25])
	s.keys("esc", "x")
	s.want("the invitation is taken back")
	s.wantNot("ccccc")
	if left, _ := s.fake.Invitations(t.Context()); len(left) != 1 {
		t.Errorf("%d invitations are left, want 1", len(left))
	}
	s.keys("esc", "/invite revoke "+invitation(3).Text, "enter")
	if left, _ := s.fake.Invitations(t.Context()); len(left) != 0 {
		t.Errorf("%d invitations are left, want none", len(left))
	}
	s.want("the invitation is taken back")
}

func TestCard(t *testing.T) {
	s := peopleScreen(t, 120, 40, "/who", "enter", "i")
	s.want("peer ID", bob.ID.String(), "met on the LAN")
	s.fake.people[0].Verified = true
	s.tell(messenger.PersonChanged{Person: s.fake.people[0]})
	s.want("yes: you have compared safety numbers")
	s.keys("v")
	s.want("Verify bob")
	s.keys("esc", "enter")
	s.want("> write to bob")
	if s.dialogs.Open() {
		t.Error("a dialog is still open")
	}
	s.keys("/who bob", "enter", "b")
	s.fake.wantCall(t, "block "+bob.Tag)
	s.want("u unblocks")
	s.keys("u")
	s.fake.wantCall(t, "unblock "+bob.Tag)
}

func TestAddRefused(t *testing.T) {
	s := peopleScreen(t, 120, 40, "/add bogus as zoe", "enter")
	s.want("✗ no address")
	s.keys("up")
	s.want("> /add bogus as zoe") // to be put right
}

func TestBlockedIsHidden(t *testing.T) {
	s := peopleScreen(t, 120, 40)
	s.wantNot("mallory")
	mallory := s.fake.named("mallory")
	s.tell(messenger.PersonNear{Person: mallory}, messenger.PersonGone{Person: mallory, Path: messenger.PathLAN})
	s.wantNot("mallory")
	// What they wrote before does not count as unread.
	s.send(tea.BlurMsg{})
	s.receive(with(bob), bob, "hello")
	s.want("● bob")
	if got := s.View().WindowTitle; got != "(1) dione" {
		t.Errorf("the title is %q", got)
	}
	s.keys("/block bob", "enter")
	if got := s.View().WindowTitle; got != "dione" {
		t.Errorf("the title is %q when they are blocked", got)
	}
	s.wantNot("● bob")
}

func TestPersonChanged(t *testing.T) {
	s := peopleScreen(t, 120, 40, "/msg heidi", "enter")
	s.want("not reached: no dione runs there now")
	heidi := s.fake.named("heidi")
	tell := func(set func(*messenger.Person)) {
		set(&heidi)
		for i := range s.fake.people {
			if s.fake.people[i].ID == heidi.ID {
				s.fake.people[i] = heidi
			}
		}
		s.tell(messenger.PersonChanged{Person: heidi})
	}
	tell(func(p *messenger.Person) { p.Problem = "no answer" })
	s.want("not reached: no answer")
	tell(func(p *messenger.Person) { p.Problem, p.Path, p.Pending = "", messenger.PathDirect, true })
	s.want("waiting to be accepted", "heidi ·"+heidi.Tag+" has not accepted you yet")
	tell(func(p *messenger.Person) { p.Pending, p.Welcome = false, true })
	s.wantNot("waiting to be accepted")
	s.want("heidi ·"+heidi.Tag+" has accepted you", "heidi ·"+heidi.Tag+"  direct")
	// Of somebody not known yet nothing is said.
	p := someone(40, "ivan", messenger.PathNone)
	p.Verified, p.Contact = true, true
	s.tell(messenger.PersonChanged{Person: p})
	s.wantNot("ivan is verified")
}

func TestRenamed(t *testing.T) {
	s := peopleScreen(t, 120, 40)
	rob := bob
	rob.Name, rob.Claimed = "rob", "rob"
	s.fake.people[0] = rob
	s.tell(messenger.PersonRenamed{Person: rob, Was: "bob"})
	s.want("bob is now called rob ·"+bob.Tag, "● rob")
	frank := s.fake.named("frank")
	s.keys("/msg dave", "enter")
	s.fake.people[2].Name = "Frank"
	s.tell(messenger.PersonRenamed{Person: s.fake.people[2], Was: "frank"})
	s.want("frank is now called Frank ·"+frank.Tag, "write to dave") // a contact, wherever one is
	s.tell(messenger.PersonRenamed{Person: stranger(60, "walter"), Was: "peter"})
	s.wantNot("walter")
	s.tell(messenger.Notice{Failed: true, Text: "carol ·zzzz is not the carol whom you verified", Hint: "compare safety numbers"})
	s.want("✗ carol ·zzzz is not the carol", "compare safety numbers")
}

// What strangers choose, names and addresses, is cleaned wherever it shows.
func TestHostilePeople(t *testing.T) {
	evil := stranger(50, "\x1b[31mred\u202egnp\x07"+strings.Repeat("w", 200))
	evil.Addrs, evil.Problem = []string{"/dns4/\x1b[2Jx/tcp/1"}, "no answer from \x1b]0;owned\x07x\nREQUESTS"
	for _, standing := range []messenger.Standing{messenger.StandingMet, messenger.StandingRequest, messenger.StandingAccepted, messenger.StandingBlocked} {
		for _, path := range []messenger.Path{messenger.PathNone, messenger.PathDirect} {
			p := evil
			p.Standing, p.Path, p.Contact, p.Pending = standing, path, true, path != messenger.PathNone
			for _, size := range append(sizes, tea.WindowSizeMsg{Width: 19, Height: 6}, tea.WindowSizeMsg{Width: 70, Height: 12}) {
				for _, line := range []string{"/requests", "/unblock", "/who", "card", "verify", "chat"} {
					s := newScreen(t, newFake(p), size.Width, size.Height)
					switch line {
					case "card":
						s.dialogs.Push(s.card(p.ID))
					case "verify":
						s.dialogs.Push(s.verifyDialog(verification{p.ID, messenger.SafetyNumber(ann.ID, p.ID)}))
					case "chat":
						s.show(with(p))
						s.send(tea.FocusMsg{})
					default:
						s.keys(line, "enter")
					}
					s.wantFit()
					if strings.ContainsAny(s.text(), "\x1b\x07\u202e") {
						t.Errorf("%s: control characters on the screen: %q", line, s.text())
					}
					if strings.Contains(s.View().Content, "\x1b[31m") || strings.Contains(s.View().Content, "owned\x07") {
						t.Errorf("%s: a stranger draws on the screen", line)
					}
				}
			}
		}
	}
}

// A QR code can be read on every terminal: dark modules are dark.
func TestCodeColours(t *testing.T) {
	for _, tt := range []struct {
		profile colorprofile.Profile
		want    string // style of the code
	}{
		{colorprofile.TrueColor, "\x1b[38;2;0;0;0;48;2;255;255;255m"},
		{colorprofile.ANSI256, "\x1b[38;5;16;48;5;231m"},
		{colorprofile.ASCII, ""},
	} {
		s := newScreen(t, newFake(bob), 100, 40)
		s.send(tea.ColorProfileMsg{Profile: tt.profile})
		s.keys("/verify bob", "enter")
		if !strings.Contains(s.View().Content, tt.want+" ") {
			t.Errorf("%v: the code is not drawn in %q", tt.profile, tt.want)
		}
		s.want("▀")
		// The margin of the code is light: blank on a light background, full
		// blocks where blocks are the light part.
		if inverted := strings.Contains(s.text(), strings.Repeat("█", 20)); inverted != (tt.profile == colorprofile.ASCII) {
			t.Errorf("%v: inverted is %t", tt.profile, inverted)
		}
	}
}
