package messenger

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// address is where to dial e, as a user would type it.
func (e *engine) address() string {
	return fmt.Sprintf("/ip4/127.0.0.1/tcp/%d/p2p/%s", e.swarm.Port(), e.Self().ID)
}

func (e *engine) add(address string) Person {
	e.t.Helper()
	p, err := e.Add(e.t.Context(), address, "")
	if err != nil {
		e.t.Fatalf("%s: add %s: %v", e.name, address, err)
	}
	return p
}

func (e *engine) person(other *engine) Person {
	e.t.Helper()
	p, err := e.Person(e.t.Context(), other.Self().ID)
	if err != nil {
		e.t.Fatal(err)
	}
	return p
}

// TestAddAcceptTalk is how two people on different networks get to know each
// other: one adds, the other is asked and accepts.
func TestAddAcceptTalk(t *testing.T) {
	ann, bob := startEngine(t, t.TempDir(), "ann"), startEngine(t, t.TempDir(), "bob")
	if p := ann.add(bob.address()); p.Standing != StandingAccepted || !p.Contact || len(p.Addrs) != 1 {
		t.Errorf("added %+v", p)
	}
	sent := ann.send(chatWith(bob), "hello over there")
	asked := await(bob, "a request", func(RequestReceived) bool { return true })
	if asked.Person.ID != ann.Self().ID || asked.Person.Name != "ann" || asked.Person.Standing != StandingRequest {
		t.Errorf("the request is of %+v", asked.Person)
	}
	await(ann, "waiting for bob's word", func(ev PersonChanged) bool { return ev.Person.Pending })
	if n := count(bob, func(MessageReceived) bool { return true }); n != 0 {
		t.Errorf("bob got %d messages before he accepted", n)
	}
	if err := bob.Accept(t.Context(), ann.Self().ID); err != nil {
		t.Fatal(err)
	}
	if got := bob.awaitText("hello over there"); got.Message.Path != PathDirect || got.Message.ID != sent.ID {
		t.Errorf("bob got %+v", got.Message)
	}
	ann.awaitState(sent.ID, StateDelivered)
	back := bob.send(chatWith(ann), "hello yourself")
	ann.awaitText("hello yourself")
	bob.awaitState(back.ID, StateDelivered)
	if p := ann.person(bob); p.Pending || p.Name != "bob" || !p.Connected() {
		t.Errorf("bob as ann sees him: %+v", p)
	}
	if err := bob.Accept(t.Context(), ann.Self().ID); !errors.Is(err, ErrNoRequest) {
		t.Errorf("accepted twice: %v", err)
	}
	// A room is of the LAN: nothing of it goes elsewhere.
	if msg := ann.send(Room, "anybody?"); msg.State != StateFailed {
		t.Errorf("a line of the room went to a link from elsewhere: %v", msg.State)
	}
}

// Both know each other's address from then on: whoever starts again finds the
// other.
func TestContactsFindEachOtherAgain(t *testing.T) {
	annDir := t.TempDir()
	ann, bob := startEngine(t, annDir, "ann"), startEngine(t, t.TempDir(), "bob")
	ann.add(bob.address())
	await(bob, "a request", func(RequestReceived) bool { return true })
	if err := bob.Accept(t.Context(), ann.Self().ID); err != nil {
		t.Fatal(err)
	}
	msg := ann.send(chatWith(bob), "one")
	ann.awaitState(msg.ID, StateDelivered)
	ann.stop()
	await(bob, "gone", func(PersonGone) bool { return true })
	waits := bob.send(chatWith(ann), "are you back?")
	ann = startEngine(t, annDir, "ann")
	ann.awaitText("are you back?")
	bob.awaitState(waits.ID, StateDelivered)
}

func TestInvitation(t *testing.T) {
	ann, bob := startEngine(t, t.TempDir(), "ann"), startEngine(t, t.TempDir(), "bob")
	inv, err := bob.Invite(t.Context())
	if err != nil || !strings.HasPrefix(inv.Text, "dione:") || inv.QR != strings.ToUpper(inv.Text) {
		t.Fatalf("Invite = %+v, %v", inv, err)
	}
	if _, err := bob.Add(t.Context(), inv.Text, ""); !errors.Is(err, ErrOwnInvitation) {
		t.Errorf("own invitation: %v", err)
	}
	p, err := ann.Add(t.Context(), strings.ToUpper(inv.Text), "bobby")
	if err != nil || p.Name != "bobby" {
		t.Fatalf("Add = %+v, %v", p, err)
	}
	msg := ann.send(chatWith(bob), "thank you for having me")
	bob.awaitText("thank you for having me")
	ann.awaitState(msg.ID, StateDelivered)
	if n := count(bob, func(RequestReceived) bool { return true }); n != 0 {
		t.Error("bob was asked about somebody whom he had invited")
	}
	if open, err := bob.Invitations(t.Context()); len(open) != 0 || err != nil {
		t.Errorf("the used invitation is still open: %v, %v", open, err)
	}
	// The second one to use it is a stranger like any other.
	eve := startEngine(t, t.TempDir(), "eve")
	eve.add(inv.Text)
	asked := await(bob, "a request", func(RequestReceived) bool { return true })
	if asked.Person.ID != eve.Self().ID {
		t.Errorf("a request of %s", asked.Person)
	}
}

func TestRevokedInvitation(t *testing.T) {
	ann, bob := startEngine(t, t.TempDir(), "ann"), startEngine(t, t.TempDir(), "bob")
	inv, err := bob.Invite(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := bob.Revoke(t.Context(), inv.Text); err != nil {
		t.Fatal(err)
	}
	if err := bob.Revoke(t.Context(), inv.Text); !errors.Is(err, ErrNoInvitation) {
		t.Errorf("revoked twice: %v", err)
	}
	ann.add(inv.Text)
	await(bob, "a request", func(RequestReceived) bool { return true })
}

func TestAddRefuses(t *testing.T) {
	ann, bob := startEngine(t, t.TempDir(), "ann"), startEngine(t, t.TempDir(), "bob")
	inv, err := bob.Invite(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	id := bob.Self().ID.String()
	for _, tt := range []struct{ name, address, petname, want string }{
		{"empty", "", "", "neither an address nor an invitation"},
		{"a name", "bob", "", "neither an address nor an invitation"},
		{"no peer ID", "/ip4/127.0.0.1/tcp/4001", "", "peer ID is missing"},
		{"peer ID alone", "/p2p/" + id, "", "peer ID is missing"},
		{"UDP", "/ip4/127.0.0.1/udp/4001/quic-v1/p2p/" + id, "", "only /ip4"},
		{"port 0", "/ip4/127.0.0.1/tcp/0/p2p/" + id, "", "port 0"},
		{"no host", "/ip4/0.0.0.0/tcp/4001/p2p/" + id, "", "no host"},
		{"group", "/ip6/ff02::1/tcp/4001/p2p/" + id, "", "no host"},
		{"other kind of key", "/ip4/127.0.0.1/tcp/4001/p2p/QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N", "", "ed25519"},
		{"oneself", ann.address(), "", ErrSelf.Error()},
		{"never met", id, "", "an address is needed"},
		{"invitation cut short", inv.Text[:len(inv.Text)-3], "", "not complete"},
		{"invisible petname", bob.address(), "\u202e", "is no name"},
	} {
		p, err := ann.Add(t.Context(), tt.address, tt.petname)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %+v, %v, want %q", tt.name, p, err, tt.want)
		}
	}
	if people, err := ann.People(t.Context()); len(people) != 0 || err != nil {
		t.Errorf("left behind: %+v, %v", people, err)
	}
	elsewhere := startEngineOn(t, t.TempDir(), "eve", "elsewhere")
	if _, err := elsewhere.Add(t.Context(), inv.Text, ""); err == nil || !strings.Contains(err.Error(), "another network") {
		t.Errorf("an invitation of another network: %v", err)
	}
}

// What is wrong behind an address is said in words, and tried again.
func TestUnreachable(t *testing.T) {
	ann, bob, eve := startEngine(t, t.TempDir(), "ann"), startEngine(t, t.TempDir(), "bob"), startEngine(t, t.TempDir(), "eve")
	problem := func(who *engine, want string) {
		t.Helper()
		await(ann, "a problem", func(ev PersonChanged) bool {
			return ev.Person.ID == who.Self().ID && strings.Contains(ev.Person.Problem, want)
		})
	}
	// The address of one, the peer ID of another.
	ann.add(strings.Replace(eve.address(), eve.Self().ID.String(), bob.Self().ID.String(), 1))
	problem(bob, "nobody answers there to this peer ID")
	ann.add(strings.Replace(eve.address(), "127.0.0.1", "127.0.0.9", 1))
	problem(eve, "no dione runs there now")
	ann.add("/dns4/nowhere.invalid/tcp/4001/p2p/" + eve.Self().ID.String())
	// A better address, and all is well.
	ann.add(bob.address())
	await(ann, "bob", func(ev PersonNear) bool { return ev.Person.ID == bob.Self().ID })
	if p := ann.person(bob); p.Problem != "" || !p.Connected() {
		t.Errorf("bob is %+v", p)
	}
}

func TestNamesAreLookedUp(t *testing.T) {
	ann, bob := startEngine(t, t.TempDir(), "ann"), startEngine(t, t.TempDir(), "bob")
	ann.add(strings.Replace(bob.address(), "/ip4/127.0.0.1", "/dns4/localhost", 1))
	await(ann, "bob", func(ev PersonNear) bool { return ev.Person.ID == bob.Self().ID })
}

// Block is silent: the blocked one learns nothing, and nothing of theirs is
// kept. Taken back, all comes that they still keep.
func TestBlock(t *testing.T) {
	ann, bob := startEngine(t, t.TempDir(), "ann"), startEngine(t, t.TempDir(), "bob")
	meet(ann, bob)
	keepMeeting(ann, bob)
	first := ann.send(chatWith(bob), "first")
	ann.awaitState(first.ID, StateDelivered)
	if err := bob.Block(t.Context(), ann.Self().ID); err != nil {
		t.Fatal(err)
	}
	if _, err := bob.Send(t.Context(), chatWith(ann), "x"); err == nil || !strings.Contains(err.Error(), "blocked") {
		t.Errorf("wrote to somebody blocked: %v", err)
	}
	line, private := ann.send(Room, "line"), ann.send(chatWith(bob), "private")
	cut(t, ann, bob)
	await(ann, "bob again", func(ev PersonGone) bool { return true })
	if n := count(ann, func(ev StateChanged) bool { return ev.Message.ID == line.ID || ev.Message.ID == private.ID }); n != 0 {
		t.Errorf("the blocked one was told of %d states", n)
	}
	if n := count(bob, func(ev MessageReceived) bool { return ev.Message.Text != "first" }); n != 0 {
		t.Errorf("bob got %d messages of somebody blocked", n)
	}
	if err := bob.Unblock(t.Context(), ann.Self().ID); err != nil {
		t.Fatal(err)
	}
	bob.awaitText("private")
	ann.awaitState(private.ID, StateDelivered)
}

// What waits for somebody is given up when they are blocked.
func TestBlockGivesUp(t *testing.T) {
	ann, bob := startEngine(t, t.TempDir(), "ann"), startEngine(t, t.TempDir(), "bob")
	meet(ann, bob)
	bob.stop()
	await(ann, "gone", func(PersonGone) bool { return true })
	msg := ann.send(chatWith(bob), "never mind")
	if err := ann.Block(t.Context(), bob.Self().ID); err != nil {
		t.Fatal(err)
	}
	if got := ann.awaitState(msg.ID, StateFailed); got.Reason != "blocked" {
		t.Errorf("failed: %q", got.Reason)
	}
}

func TestVerify(t *testing.T) {
	ann, bob := startEngine(t, t.TempDir(), "ann"), startEngine(t, t.TempDir(), "bob")
	meet(ann, bob)
	here, there := SafetyNumber(ann.Self().ID, bob.Self().ID), SafetyNumber(bob.Self().ID, ann.Self().ID)
	if here != there || len(here) != 60 {
		t.Errorf("safety numbers %s and %s", here, there)
	}
	if err := ann.Verify(t.Context(), bob.Self().ID, true); err != nil {
		t.Fatal(err)
	}
	await(ann, "verified", func(ev PersonChanged) bool { return ev.Person.Verified })
	// Another key under the same name is pointed out.
	impostor := startEngine(t, t.TempDir(), "bob")
	meet(ann, impostor)
	await(ann, "a warning", func(ev Notice) bool { return strings.Contains(ev.Text, "another safety number") })
	if err := ann.Verify(t.Context(), bob.Self().ID, false); err != nil {
		t.Fatal(err)
	}
	if ann.person(bob).Verified {
		t.Error("still verified")
	}
}

// TestRequestsAreBounded fills the box of requests: the oldest goes.
func TestRequestsAreBounded(t *testing.T) {
	bob := startEngine(t, t.TempDir(), "bob")
	ann := startEngine(t, t.TempDir(), "ann")
	fill := make([]Person, 0, maxRequests)
	err := bob.do(t.Context(), func(b *batch) error {
		for i := range maxRequests {
			p := bob.addPerson(strangerContact(i))
			b.contact(p).Standing = StandingRequest
			b.contact(p).Since = b.now.AddDate(0, 0, i-maxRequests)
			fill = append(fill, bob.shown(p))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	ann.add(bob.address())
	await(bob, "a request", func(ev RequestReceived) bool { return ev.Person.Name == "ann" })
	people, err := bob.People(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	requests := 0
	for _, p := range people {
		if p.Standing == StandingRequest {
			requests++
		}
		if p.ID == fill[0].ID && p.Standing != StandingMet {
			t.Errorf("the oldest request is %v", p.Standing)
		}
	}
	if requests != maxRequests {
		t.Errorf("%d requests, want %d", requests, maxRequests)
	}
}
