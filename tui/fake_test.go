package tui

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"

	"dione/crypto/identity"
	"dione/net/messenger"
	"dione/tui/config"
)

// noon is when everything in these tests happens.
var noon = time.Date(2026, time.November, 20, 14, 31, 0, 0, time.UTC)

// someone makes a person with a key of their own. The tag follows from it.
func someone(n byte, name string, path messenger.Path) messenger.Person {
	var id identity.ID
	id[0], id[1] = n, 7
	return messenger.Person{ID: id, Name: name, Claimed: name, Tag: id.Tag(), Path: path}
}

var (
	ann   = someone(1, "ann", messenger.PathNone)
	bob   = someone(2, "bob", messenger.PathLAN)
	carol = someone(3, "carol", messenger.PathLAN)
	dave  = someone(4, "dave", messenger.PathNone)
	zoe   = someone(5, "zoe", messenger.PathNone) // not known at first
)

// stranger is somebody from elsewhere who would like to write.
func stranger(n byte, name string) messenger.Person {
	p := someone(n, name, messenger.PathDirect)
	p.Standing = messenger.StandingRequest
	return p
}

// invitation is one as long as they come, told apart by n.
func invitation(n byte) messenger.Invitation {
	text := "dione:" + strings.Repeat("mfzq2abc", 16) + strings.Repeat(string('a'+rune(n)), 31)
	return messenger.Invitation{Text: text, QR: strings.ToUpper(text), Expires: noon.Add(14 * 24 * time.Hour)}
}

func with(p messenger.Person) messenger.Chat { return messenger.Chat{Peer: p.ID} }

// fake is an engine in memory.
type fake struct {
	mu     sync.Mutex
	self   messenger.Self
	people []messenger.Person
	msgs   map[messenger.Chat][]messenger.Message
	read   map[messenger.Chat]float64
	net    messenger.Net
	refuse error // what Send answers
	full   error // what SetDraft answers
	row    int64
	events chan messenger.Event
	news   []messenger.Event // what a screen without the events' channel is yet to be told
	open   []messenger.Invitation
	drafts map[messenger.Chat]messenger.Draft
	calls  []string
	typed  int
}

func newFake(people ...messenger.Person) *fake {
	return &fake{
		self:   messenger.Self{ID: ann.ID, Name: "ann", Tag: ann.Tag},
		people: people,
		msgs:   make(map[messenger.Chat][]messenger.Message),
		read:   make(map[messenger.Chat]float64),
		net: messenger.Net{
			Addrs:      []string{"/ip4/192.168.1.20/tcp/40123/p2p/12D3KooW"},
			Interfaces: []messenger.Interface{{Name: "wlan0", Addrs: []string{"192.168.1.20"}}},
			Links:      len(people),
			DHT:        messenger.DHT{Mode: "auto", Servers: 212, Near: 3, ServesNear: true, Held: 38 << 20, Capacity: 512 << 20, BytesIn: 3 << 20, BytesOut: 1 << 20},
		},
		events: make(chan messenger.Event),
		drafts: make(map[messenger.Chat]messenger.Draft),
	}
}

func (f *fake) call(format string, args ...any) {
	f.calls = append(f.calls, fmt.Sprintf(format, args...))
}

// add stores a message. From says whose it is; ann's are our own.
func (f *fake) add(c messenger.Chat, from messenger.Person, at time.Time, text string) messenger.Message {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.row++
	m := messenger.Message{
		Row: f.row, Pos: float64(f.row), Chat: c, From: from.ID, Mine: from.ID == ann.ID,
		Sent: at, Arrived: at, Text: text, Path: messenger.PathLAN,
	}
	binary.BigEndian.PutUint64(m.ID[:], uint64(f.row))
	if m.Mine {
		m.State, m.Path = messenger.StateQueued, messenger.PathNone
	}
	f.msgs[c] = append(f.msgs[c], m)
	return m
}

// set changes the newest message of a chat.
func (f *fake) set(c messenger.Chat, change func(*messenger.Message)) messenger.Message {
	f.mu.Lock()
	defer f.mu.Unlock()
	last := len(f.msgs[c]) - 1
	change(&f.msgs[c][last])
	return f.msgs[c][last]
}

func (f *fake) Events() <-chan messenger.Event { return f.events }

func (f *fake) Self() messenger.Self {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.self
}

func (f *fake) Send(_ context.Context, c messenger.Chat, text string) (messenger.Message, error) {
	if f.refuse != nil {
		return messenger.Message{}, f.refuse
	}
	f.mu.Lock()
	f.call("send %s %q", c, text)
	f.mu.Unlock()
	return f.add(c, ann, noon, text), nil
}

func (f *fake) History(_ context.Context, c messenger.Chat, before messenger.Cursor, n int) ([]messenger.Message, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := f.msgs[c]
	end := len(all)
	for before != (messenger.Cursor{}) && end > 0 && all[end-1].Pos >= before.Pos {
		end--
	}
	return slices.Clone(all[max(0, end-n):end]), nil
}

func (f *fake) HistoryAfter(_ context.Context, c messenger.Chat, after messenger.Cursor, n int) ([]messenger.Message, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := f.msgs[c]
	from := 0
	for from < len(all) && (all[from].Pos < after.Pos || all[from].Pos == after.Pos && all[from].Row <= after.Row) {
		from++
	}
	return slices.Clone(all[from:min(len(all), from+n)]), nil
}

// Versions tells that every message was corrected once.
func (f *fake) Versions(_ context.Context, c messenger.Chat, of messenger.Ref) (all []messenger.Version, _ error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range f.msgs[c] {
		if m.ID == of.ID && m.From == of.From {
			all = append(all, messenger.Version{Text: "at first: " + m.Text, Sent: m.Sent}, messenger.Version{Text: m.Text, Sent: m.Edited})
		}
	}
	return all, nil
}

func (f *fake) Chats(context.Context) (infos []messenger.ChatInfo, _ error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c, msgs := range f.msgs {
		info := messenger.ChatInfo{Chat: c, Read: f.read[c], Last: msgs[len(msgs)-1]}
		for _, m := range msgs {
			if m.Pos > info.Read && !m.Mine {
				info.Unread++
			}
		}
		infos = append(infos, info)
	}
	return infos, nil
}

func (f *fake) MarkRead(_ context.Context, c messenger.Chat, pos float64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.call("read %s %v", c, pos)
	f.read[c] = pos
	return nil
}

func (f *fake) Mute(_ context.Context, c messenger.Chat, until int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.call("mute %s %d", c, until)
	f.news = append(f.news, messenger.ChatMuted{Info: messenger.ChatInfo{Chat: c, MutedUntil: until}})
	return nil
}

func (f *fake) People(context.Context) ([]messenger.Person, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.people), nil
}

func (f *fake) Resolve(_ context.Context, name string) (messenger.Person, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.people {
		if p.Name == name {
			return p, nil
		}
	}
	return messenger.Person{}, &messenger.UnknownPersonError{Name: name}
}

func (f *fake) SetName(_ context.Context, name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.self.Name = name
	return nil
}

func (f *fake) SetPetname(_ context.Context, id identity.ID, name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.call("petname %s %s", id.Tag(), name)
	return nil
}

func (f *fake) Person(_ context.Context, id identity.ID) (messenger.Person, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.people {
		if p.ID == id {
			return p, nil
		}
	}
	return messenger.Person{}, &messenger.UnknownPersonError{Name: id.String()}
}

// Add makes zoe a contact, by any address of the form asked for.
func (f *fake) Add(_ context.Context, address, petname string) (messenger.Person, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.call("add %s as %q", address, petname)
	if !strings.HasPrefix(address, "/ip4/") {
		return messenger.Person{}, &messenger.AddressError{Text: "no address", Next: "write one"}
	}
	p := zoe
	p.Petname, p.Name = petname, cmp.Or(petname, p.Claimed)
	p.Contact, p.Standing, p.Addrs = true, messenger.StandingAccepted, []string{address}
	f.people = append(f.people, p)
	return p, nil
}

func (f *fake) Invite(context.Context) (messenger.Invitation, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.call("invite")
	inv := invitation(byte(len(f.open) + 2))
	f.open = append(f.open, inv)
	return inv, nil
}

func (f *fake) Invitations(context.Context) ([]messenger.Invitation, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.open), nil
}

func (f *fake) Revoke(_ context.Context, text string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.IndexFunc(f.open, func(inv messenger.Invitation) bool { return inv.Text == text })
	if i < 0 {
		return messenger.ErrNoInvitation
	}
	f.open = slices.Delete(f.open, i, i+1)
	return nil
}

// change sets something about a person, of which the screen is told.
func (f *fake) change(what string, id identity.ID, set func(*messenger.Person)) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.call("%s %s", what, id.Tag())
	for i := range f.people {
		if p := &f.people[i]; p.ID == id {
			set(p)
			f.news = append(f.news, messenger.PersonChanged{Person: *p})
		}
	}
	return nil
}

func (f *fake) Accept(_ context.Context, id identity.ID) error {
	return f.change("accept", id, func(p *messenger.Person) { p.Standing, p.Contact = messenger.StandingAccepted, true })
}

func (f *fake) Block(_ context.Context, id identity.ID) error {
	return f.change("block", id, func(p *messenger.Person) { p.Standing = messenger.StandingBlocked })
}

func (f *fake) Unblock(_ context.Context, id identity.ID) error {
	return f.change("unblock", id, func(p *messenger.Person) { p.Standing = messenger.StandingMet })
}

func (f *fake) Verify(_ context.Context, id identity.ID, verified bool) error {
	return f.change(fmt.Sprintf("verified=%t", verified), id, func(p *messenger.Person) { p.Verified = verified })
}

func (f *fake) Outbox(context.Context) (waiting []messenger.Waiting, _ error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c, msgs := range f.msgs {
		for _, m := range msgs {
			switch {
			case c.IsRoom():
			case m.State == messenger.StateQueued:
				waiting = append(waiting, messenger.Waiting{Message: m, Why: "no mailbox node reachable"})
			case m.State == messenger.StateStored:
				waiting = append(waiting, messenger.Waiting{Message: m, Sealed: true, Why: "in the mail network until they come"})
			}
		}
	}
	return waiting, nil
}

func (f *fake) Cancel(_ context.Context, c messenger.Chat, id messenger.MessageID) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, m := range f.msgs[c] {
		if m.ID == id {
			f.msgs[c][i].State, f.msgs[c][i].Reason = messenger.StateFailed, "cancelled"
		}
	}
	return nil
}

func (f *fake) Retry(_ context.Context, to identity.ID) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	who := "all"
	if !to.IsZero() {
		who = to.Tag()
	}
	f.call("retry %s", who)
	return nil
}

func (f *fake) Net(context.Context) (messenger.Net, error) {
	waiting, _ := f.Outbox(context.Background()) // a fake never fails
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.net
	for _, w := range waiting {
		if w.State == messenger.StateStored {
			n.Stored++
		} else {
			n.Queued++
		}
	}
	return n, nil
}

// screen drives a model as Bubble Tea would, without its goroutines: every
// command is carried out at once.
type screen struct {
	t testing.TB
	*model
	fake   *fake
	quit   bool
	copied string // what was given to the clipboard last
}

// testOptions are those of a screen at noon that tells of nothing.
func testOptions() Options {
	return Options{Now: func() time.Time { return noon }, Zone: time.UTC, Env: func(string) string { return "" }, Screen: config.Screen{Notices: "off"}}
}

func newScreen(t testing.TB, f *fake, width, height int) *screen {
	s := &screen{t: t, fake: f, model: newModel(f, testOptions())}
	s.drafts.delay = 0
	s.run(s.Init())
	s.send(tea.ColorProfileMsg{Profile: colorprofile.TrueColor})
	s.send(tea.WindowSizeMsg{Width: width, Height: height})
	s.send(tea.ModeReportMsg{Mode: ansi.ModeUnicodeCore, Value: ansi.ModeReset})
	return s
}

func (s *screen) send(msg tea.Msg) {
	s.t.Helper()
	_, cmd := s.Update(msg)
	s.run(cmd)
}

// run carries out a command and takes what it brings.
func (s *screen) run(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	switch msg := cmd().(type) {
	case nil:
	case tea.BatchMsg:
		for _, c := range msg {
			s.run(c)
		}
	case tea.QuitMsg:
		s.quit = true
	case tea.SuspendMsg:
	default:
		switch fmt.Sprintf("%T", msg) {
		case "tea.backgroundColorMsg":
		case "tea.setClipboardMsg":
			s.copied = fmt.Sprint(msg)
		default:
			s.send(msg)
		}
	}
	if news := s.fake.news; news != nil {
		s.fake.news = nil
		s.tell(news...)
	}
}

func (s *screen) tell(evs ...messenger.Event) {
	s.t.Helper()
	s.send(eventsMsg(evs))
}

// receive stores a message of somebody and tells the screen of it.
func (s *screen) receive(c messenger.Chat, from messenger.Person, text string) {
	s.t.Helper()
	s.tell(messenger.MessageReceived{Message: s.fake.add(c, from, noon, text), From: from})
}

// keys presses keys by their names; what is no name is typed.
func (s *screen) keys(names ...string) {
	s.t.Helper()
	for _, name := range names {
		if k, ok := named[name]; ok {
			s.send(k)
			continue
		}
		for _, r := range name {
			s.send(tea.KeyPressMsg{Code: r, Text: string(r)})
		}
	}
}

var named = map[string]tea.KeyPressMsg{
	"enter":     {Code: tea.KeyEnter},
	"esc":       {Code: tea.KeyEscape},
	"tab":       {Code: tea.KeyTab},
	"shift+tab": {Code: tea.KeyTab, Mod: tea.ModShift},
	"alt+left":  {Code: tea.KeyLeft, Mod: tea.ModAlt},
	"up":        {Code: tea.KeyUp},
	"down":      {Code: tea.KeyDown},
	"left":      {Code: tea.KeyLeft},
	"right":     {Code: tea.KeyRight},
	"home":      {Code: tea.KeyHome},
	"end":       {Code: tea.KeyEnd},
	"pgup":      {Code: tea.KeyPgUp},
	"pgdown":    {Code: tea.KeyPgDown},
	"backspace": {Code: tea.KeyBackspace},
	"delete":    {Code: tea.KeyDelete},
	"f1":        {Code: tea.KeyF1},
	"ctrl+f":    {Code: 'f', Mod: tea.ModCtrl},
	"ctrl+k":    {Code: 'k', Mod: tea.ModCtrl},
	"alt+a":     {Code: 'a', Mod: tea.ModAlt},
	"ctrl+j":    {Code: 'j', Mod: tea.ModCtrl},
	"ctrl+c":    {Code: 'c', Mod: tea.ModCtrl},
	"ctrl+n":    {Code: 'n', Mod: tea.ModCtrl},
	"ctrl+w":    {Code: 'w', Mod: tea.ModCtrl},
	"ctrl+y":    {Code: 'y', Mod: tea.ModCtrl},
	"ctrl+g":    {Code: 'g', Mod: tea.ModCtrl},
	"ctrl+up":   {Code: tea.KeyUp, Mod: tea.ModCtrl},
	"ctrl+down": {Code: tea.KeyDown, Mod: tea.ModCtrl},
	"alt+up":    {Code: tea.KeyUp, Mod: tea.ModAlt},
	"alt+down":  {Code: tea.KeyDown, Mod: tea.ModAlt},
	"alt+enter": {Code: tea.KeyEnter, Mod: tea.ModAlt},
	"ctrl+end":  {Code: tea.KeyEnd, Mod: tea.ModCtrl},
	"ctrl+home": {Code: tea.KeyHome, Mod: tea.ModCtrl},
	"ctrl+x":    {Code: 'x', Mod: tea.ModCtrl},
	"ctrl+z":    {Code: 'z', Mod: tea.ModCtrl},
}

// text is the screen without its colours.
func (s *screen) text() string { return ansi.Strip(s.View().Content) }

func (s *screen) want(parts ...string) {
	s.t.Helper()
	for _, p := range parts {
		if !strings.Contains(s.text(), p) {
			s.t.Errorf("%q is not on the screen:\n%s", p, s.text())
		}
	}
}

func (s *screen) wantNot(parts ...string) {
	s.t.Helper()
	for _, p := range parts {
		if strings.Contains(s.text(), p) {
			s.t.Errorf("%q is on the screen:\n%s", p, s.text())
		}
	}
}

// wantFit checks that the frame fills the terminal exactly, row by row.
func (s *screen) wantFit() {
	s.t.Helper()
	rows := strings.Split(s.View().Content, "\n")
	if len(rows) != s.layout.height {
		s.t.Errorf("%dx%d: the frame has %d rows", s.layout.width, s.layout.height, len(rows))
	}
	method := ansi.WcWidth
	if s.meter != 0 {
		method = ansi.GraphemeWidth
	}
	for i, r := range rows {
		if w := method.StringWidth(r); w != s.layout.width {
			s.t.Errorf("%dx%d: row %d has %d columns: %q", s.layout.width, s.layout.height, i, w, ansi.Strip(r))
		}
	}
	if c := s.View().Cursor; c != nil && (c.X < 0 || c.X >= s.layout.width || c.Y < 0 || c.Y >= s.layout.height) {
		s.t.Errorf("%dx%d: the cursor is at %d, %d", s.layout.width, s.layout.height, c.X, c.Y)
	}
}

// Search finds the texts that hold query, in any case, the newest first.
func (f *fake) Search(_ context.Context, query string, before int64, n int) (found messenger.Found, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.call("search %q before %d", query, before)
	if who, ok := strings.CutPrefix(query, "from:"); ok {
		return found, &messenger.UnknownPersonError{Name: who}
	}
	var all []messenger.Message
	for _, msgs := range f.msgs {
		all = append(all, msgs...)
	}
	slices.SortFunc(all, func(a, b messenger.Message) int { return cmp.Compare(b.Row, a.Row) })
	for _, m := range all {
		lower, q := strings.ToLower(m.Text), strings.ToLower(query)
		if before > 0 && m.Row >= before || len(lower) != len(m.Text) || !strings.Contains(lower, q) {
			continue
		}
		if len(found.Hits) == n {
			found.Next = found.Hits[n-1].Message.Row
			break
		}
		hit := messenger.Hit{Message: m}
		for at := 0; ; {
			i := strings.Index(lower[at:], q)
			if i < 0 {
				break
			}
			hit.Marks = append(hit.Marks, messenger.Mark{From: at + i, To: at + i + len(q)})
			at += i + len(q)
		}
		found.Hits = append(found.Hits, hit)
	}
	return found, nil
}

func (f *fake) Drafts(context.Context) (all []messenger.Draft, _ error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, d := range f.drafts {
		all = append(all, d)
	}
	return all, nil
}

func (f *fake) SetDraft(_ context.Context, d messenger.Draft) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.full != nil {
		return f.full
	}
	if d.Text == "" && d.Top == (messenger.Cursor{}) {
		delete(f.drafts, d.Chat)
	} else {
		f.drafts[d.Chat] = d
	}
	return nil
}

func (f *fake) Export(_ context.Context, path string, passphrase []byte, _ func(done, of int64)) error {
	f.call("export %s %s", path, passphrase)
	return nil
}

func (f *fake) Find(ctx context.Context, c messenger.Chat, n int, fits func(messenger.Message) bool) (messenger.Message, error) {
	msgs, err := f.History(ctx, c, messenger.Cursor{}, 1000)
	for _, m := range slices.Backward(msgs) {
		if fits(m) {
			if n--; n == 0 {
				return m, err
			}
		}
	}
	return messenger.Message{}, messenger.ErrNoMessage
}

// does notes what the user does to a message.
func (f *fake) does(what string, c messenger.Chat, of messenger.MessageID, text string) (messenger.Message, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.call("%s %s %d %q", what, c, binary.BigEndian.Uint64(of[:]), text)
	return messenger.Message{}, f.refuse
}

func (f *fake) Reply(_ context.Context, c messenger.Chat, to messenger.Ref, text string) (messenger.Message, error) {
	return f.does("reply", c, to.ID, text)
}

func (f *fake) React(_ context.Context, c messenger.Chat, to messenger.Ref, emoji string) (messenger.Message, error) {
	return f.does("react", c, to.ID, emoji)
}

func (f *fake) Correct(_ context.Context, c messenger.Chat, id messenger.MessageID, text string) (messenger.Message, error) {
	return f.does("correct", c, id, text)
}

func (f *fake) Unsend(_ context.Context, c messenger.Chat, id messenger.MessageID) (messenger.Message, error) {
	return f.does("unsend", c, id, "")
}

func (f *fake) DeleteChat(_ context.Context, c messenger.Chat) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.call("delete %s", c)
	n := len(f.msgs[c])
	delete(f.msgs, c)
	delete(f.drafts, c)
	f.news = append(f.news, messenger.ChatErased{Info: messenger.ChatInfo{Chat: c}, N: n, Whole: true})
	return nil
}

func (f *fake) Retain(_ context.Context, c messenger.Chat, keep time.Duration) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	info := messenger.ChatInfo{Chat: c, Keep: keep}
	f.news = append(f.news, messenger.ChatRetained{Info: info})
	if until := noon.Add(-keep); keep > 0 {
		n := len(f.msgs[c])
		f.msgs[c] = slices.DeleteFunc(f.msgs[c], func(m messenger.Message) bool { return m.Arrived.Before(until) })
		f.news = append(f.news, messenger.ChatErased{Info: info, N: n - len(f.msgs[c]), Until: until})
	}
	return nil
}

func (f *fake) Typing(context.Context, messenger.Chat) error {
	f.typed++
	return nil
}

func (f *fake) SetTyping(context.Context, bool) error { return nil }
