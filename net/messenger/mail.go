package messenger

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"dione/net/mailbox"
	"dione/store"
)

// This file holds the mail: private messages for people who are not connected,
// by way of the DHT. The rules are:
//   - mail and links carry the same packages, so what comes twice is there once;
//   - mail is put, and looked for, only while there is no link;
//   - looking things up takes long, so it runs beside the loop and posts what
//     came of it; only what is committed is taken, and only then buried.

const (
	// mailGrace is how long a link may be lost before mail takes its place.
	mailGrace = 3 * time.Second

	// mailPace is how long what is written waits for more to go along.
	mailPace = 50 * time.Millisecond

	// mailTime bounds one visit of the network.
	mailTime = time.Minute

	// maxLooking is for how many days mail is looked for at a time.
	maxLooking = 6

	// gallops is how many addresses far ahead are looked for now and then.
	gallops = 6

	// maxMailing is for how many people at a time the network is visited.
	maxMailing = 8

	// maxMail is how many packages of one person a visit puts or asks about.
	maxMail = 64

	// talkTime is how long after the last message two people are talking,
	// activeTime how long they are in touch. Mail is looked for more often then.
	talkTime, activeTime = 10 * time.Minute, 24 * time.Hour

	talkPause, activePause, idlePause = 30 * time.Second, 5 * time.Minute, time.Hour

	// firstOnes are looked after at once when we come back, the others within
	// spreadTime.
	firstOnes  = 10
	spreadTime = 10 * time.Minute

	// closedPause is how often we look whether there is a network, at the start
	// and later.
	closedPause, laterPause = 100 * time.Millisecond, 2 * time.Second

	// formTime is how long the start is.
	formTime = 30 * time.Second

	// stuckPause is how long nothing is put where the day is before a session
	// began.
	stuckPause = time.Minute

	// morning is until when after midnight mail may be put at the places of the
	// day before: a day is done with when it was looked through after that.
	morning = 2 * time.Hour

	// absence is after how long without a look more than one holder is asked.
	absence = 3 * time.Hour

	// putDays is for how many days back receipts are looked for.
	putDays = 30

	// giveUpTime is after how long mail that nobody has taken has failed.
	giveUpTime = 30 * 24 * time.Hour
)

// putAgain is when mail is put again after the first time: nodes come and go.
var putAgain = []time.Duration{1, 2, 4, 8, 15, 22, 29}

// mailState is the mail with a person, as the loop knows it.
type mailState struct {
	put     time.Time // when something is to be put; zero: nothing is
	look    time.Time // when mail is to be looked for
	watch   time.Time // when nodes are to be asked to tell of it; zero: with the next look
	running bool      // a visit is under way
	more    bool      // something waits that no visit has taken along
	turn    int       // counts the visits
	seen    time.Time // when the network was last asked for all there is, and answered; zero: not since the start
	touch   time.Time // when the two have written last
	failed  int       // puts in a row that nobody has taken
	lost    time.Time // when the last link was lost; zero: none was since the start
}

// mails is the mail as a whole.
type mails struct {
	box     *mailbox.Box // nil as long as there is no node
	begun   time.Time    // since when there is one
	timer   *time.Timer  // when somebody is due
	running int          // visits under way
	bury    time.Time    // when tombstones are to be put
	burying bool
	day     uint32          // as it is kept: since then mail was looked for of everybody
	lost    bool            // the clock is of no use, and the user knows
	scout   *person         // by whose mail we find out when the network answers again; nil while it does
	deaf    int             // how often it has not
	ctx     context.Context // of the network
}

// mailKeys is where mail of a session lies.
type mailKeys struct{ ours, theirs mailbox.Chain }

// stepKeys forgets where mail lay that nobody looks for any more.
func (r *remains) stepKeys(b *batch, today uint32) error {
	oldest := today - min(today, mailbox.Days)
	ours, ok := r.mail.ours.At(oldest)
	theirs, ok2 := r.mail.theirs.At(oldest)
	if !ok || !ok2 || oldest == r.mail.ours.Day {
		return nil
	}
	r.mail = mailKeys{ours, theirs}
	return r.write(b)
}

// mailable reports whether p and we can write to each other by mail now.
func (m *Messenger) mailable(p *person) bool {
	return m.mails.box != nil && !p.synced() && p.Gen > 0 && p.Standing != store.StandingBlocked && (p.Kept || p.Standing == store.StandingAccepted)
}

// mailSoon has what was written to p put, once it is clear that no link comes
// back, and answers looked for.
func (m *Messenger) mailSoon(p *person) {
	now := time.Now()
	p.mail.touch, p.mail.more = now, true
	at := now.Add(mailPace)
	if back := p.mail.lost.Add(mailGrace); back.After(at) {
		at = back
	}
	if p.mail.put.IsZero() || at.Before(p.mail.put) {
		p.mail.put = at
	}
	if soon := now.Add(pause(now, now)); soon.Before(p.mail.look) {
		p.mail.look = soon
	}
	m.wakeMail(time.Until(at))
}

// mailLost begins with the mail of p, whose link is gone.
func (m *Messenger) mailLost(p *person) {
	p.mail.lost = time.Now()
	p.mail.put, p.mail.look = p.mail.lost.Add(mailGrace), p.mail.lost.Add(mailGrace+rand.N(mailGrace))
	m.wakeMail(mailGrace)
}

// visitUndone takes note of a visit that could not be committed.
func (m *Messenger) visitUndone(p *person) {
	m.mails.running--
	p.mail.running = false
	m.wakeMail(retryDelay)
}

// buryUndone is the same of tombstones.
func (m *Messenger) buryUndone() {
	m.mails.burying = false
	m.wakeMail(retryDelay)
}

// wakeMail has the loop look who is due, soon.
func (m *Messenger) wakeMail(after time.Duration) { m.mails.timer.Reset(max(after, 0)) }

// metaUp is the day since which mail of everybody was looked for.
const metaUp = "up"

// beginMail begins with the mail, when there is a network. Who was in touch
// last comes first, the others within some minutes.
func (m *Messenger) beginMail(box *mailbox.Box) {
	m.mails.box, m.mails.begun = box, time.Now()
	var all []*person
	for _, p := range m.people {
		if m.mailable(p) {
			all = append(all, p)
		}
	}
	slices.SortFunc(all, func(a, b *person) int { return cmp.Or(b.LastSeen.Compare(a.LastSeen), a.ID.Compare(b.ID)) })
	now := time.Now()
	for i, p := range all {
		p.mail.touch = p.LastSeen
		if p.mail.look = now; i >= firstOnes {
			p.mail.look = now.Add(rand.N(spreadTime))
		}
		p.mail.put = now.Add(mailGrace)
	}
	m.wakeMail(0)
	m.wakeMeetings(0)
}

// readUp reads since when mail is to be looked for. A new profile has none
// before today.
func (m *Messenger) readUp(tx *store.Tx) error {
	kept, _, err := tx.Meta(metaUp)
	if day, bad := strconv.ParseUint(kept, 10, 32); bad == nil {
		m.mails.day = uint32(day)
	} else {
		m.mails.day = mailbox.DayOf(time.Now())
	}
	return err
}

// since is when mail of p was last looked for, as the network has the time.
func (m *Messenger) since(p *person) time.Time {
	if p.mail.seen.IsZero() {
		return time.Unix(int64(m.mails.day)*24*60*60, 0)
	}
	return p.mail.seen
}

// daysOf is how many days mail of p is to be looked for: today, and those that
// were not done with when it was looked for last.
func (m *Messenger) daysOf(p *person, now time.Time) int {
	done := mailbox.DayOf(m.since(p).Add(-morning))
	return int(min(max(int64(mailbox.DayOf(now))-int64(done)+1, 1), mailbox.Days))
}

// noteUp notes that mail of p was looked for: who was not served yet when we
// end is looked after for as many days the next time.
func (m *Messenger) noteUp(b *batch, p *person, seen time.Time) error {
	for _, o := range m.people {
		if at := m.since(o); o != p && at.Before(seen) && m.mailable(o) {
			seen = at
		}
	}
	day := mailbox.DayOf(seen)
	if day == m.mails.day {
		return nil
	}
	b.then(func() { m.mails.day = day })
	return b.tx.SetMeta(metaUp, strconv.FormatUint(uint64(day), 10))
}

// tellClock tells the user when mail suffers from our clock.
func (m *Messenger) tellClock(b *batch, lost bool) {
	if lost == m.mails.lost {
		return
	}
	n := Notice{Failed: true, Text: "the clock of this machine is wrong by a day or more: mail is not found", Hint: "set the date and the time"}
	if !lost {
		n = Notice{Text: "the clock is right again, and mail is found"}
	}
	b.tell(n)
	b.then(func() { m.mails.lost = lost })
}

// mailHeard takes note of whether the network has answered a search for mail of
// p. As long as it does not, one search goes on often, and as soon as it does,
// mail of everybody is looked for.
func (m *Messenger) mailHeard(p *person, answered bool) {
	scout := m.mails.scout
	switch {
	case answered && scout != nil:
		m.mails.scout, m.mails.deaf = nil, 0
		m.mailAgain()
	case !answered && (scout == nil || scout == p || !m.mailable(scout)):
		m.mails.scout = p
		d := min(talkPause<<m.mails.deaf, activePause)
		m.mails.deaf = min(m.mails.deaf+1, 4)
		p.mail.look = time.Now().Add(d/2 + rand.N(d))
	}
}

// mailAgain has mail of everybody looked for anew: the machine has slept, and
// timers with it, or the network was away.
func (m *Messenger) mailAgain() {
	if m.mails.box == nil {
		return
	}
	now, n := time.Now(), 0
	for _, p := range m.people {
		if !m.mailable(p) {
			continue
		}
		if p.mail.look = now; n >= firstOnes {
			p.mail.look = now.Add(rand.N(spreadTime))
		}
		n++
	}
	m.wakeMail(0)
}

// slept reports whether the machine slept between two looks at the clock that
// should be as far apart as given. A clock that was set forward looks the same.
func slept(before, now time.Time, apart time.Duration) bool {
	return now.Round(0).Sub(before.Round(0)) > apart+time.Minute
}

// closedFor is when to look again whether there is a network: who never had one
// is not to be woken ten times a second.
func (m *Messenger) closedFor() time.Duration {
	if time.Since(m.mails.begun) < formTime {
		return closedPause
	}
	return laterPause
}

// mailDue visits the network for those who are due, those who wait longest
// first, and sets the timer for the next.
func (m *Messenger) mailDue() {
	if m.mails.box == nil {
		return
	}
	if !m.mails.box.Open() {
		m.wakeMail(m.closedFor())
		return
	}
	now := time.Now()
	next := now.Add(time.Hour)
	var due []*person
	for _, p := range m.people {
		if p.mail.running || !m.mailable(p) {
			continue
		}
		at := p.mail.look
		if !p.mail.put.IsZero() && p.mail.put.Before(at) {
			at = p.mail.put
		}
		if !p.mail.watch.IsZero() && p.mail.watch.Before(at) {
			at = p.mail.watch
		}
		if !at.After(now) {
			due = append(due, p)
		} else if at.Before(next) {
			next = at
		}
	}
	slices.SortFunc(due, func(a, b *person) int { return cmp.Or(a.mail.look.Compare(b.mail.look), a.ID.Compare(b.ID)) })
	var ins []input
	for _, p := range due[:min(len(due), maxMailing-m.mails.running)] {
		p.mail.running = true
		m.mails.running++
		ins = append(ins, visit{m, p})
	}
	if !m.mails.burying {
		if !m.mails.bury.After(now) {
			m.mails.burying = true
			ins = append(ins, bury{m})
		} else if m.mails.bury.Before(next) {
			next = m.mails.bury
		}
	}
	m.wakeMail(time.Until(next))
	m.turn(ins...)
}
