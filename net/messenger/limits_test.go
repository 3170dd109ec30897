package messenger

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"dione/crypto/ratchet"
	"dione/net/mailbox"
)

// TestMailLimits compares what net/PROTOCOL.md, section 9, says of numbers and
// times with the constants.
func TestMailLimits(t *testing.T) {
	text, err := os.ReadFile("../PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(text), "## 9. Mail\n")
	if !ok {
		t.Fatal("no section")
	}
	var again []string
	for _, days := range putAgain {
		again = append(again, fmt.Sprint(int(days)))
	}
	last := len(again) - 1
	for _, want := range []string{
		fmt.Sprintf("It begins %d s after a link was lost", mailGrace/time.Second),
		fmt.Sprintf("%d ms after it was written", mailPace/time.Millisecond),
		fmt.Sprintf("goes along with what else waits, %d packages of a person", maxMail),
		fmt.Sprintf("after %s and %s days since the first time", strings.Join(again[:last], ", "), again[last]),
		fmt.Sprintf("first taken by a holder %d days ago", giveUpTime/(24*time.Hour)),
		fmt.Sprintf("the next %d in this chain", ratchet.Window),
		fmt.Sprintf("after %d hours without an answer", absence/time.Hour),
		fmt.Sprintf("that was not done with, %d in all", mailbox.Days),
		fmt.Sprintf("after %02d:00 of the next one", morning/time.Hour),
		fmt.Sprintf("Every %d s while the two have written in the last %d minutes, every %d minutes for a day, then every hour",
			talkPause/time.Second, talkTime/time.Minute, activePause/time.Minute),
		fmt.Sprintf("every %d s to %d minutes; with the first answer", talkPause/time.Second, activePause/time.Minute),
		fmt.Sprintf("the next %d packages, and of receipts", 2*ratchet.Window),
		fmt.Sprintf("| people for whom the network is visited at a time | %d |", maxMailing),
		fmt.Sprintf("| time of a visit | %d min |", mailTime/time.Minute),
		fmt.Sprintf("| packages put for one person at a time; asked for | %d; %d |", maxMail, maxMail),
		fmt.Sprintf("| packages not acknowledged, of one chain | %d |", ratchet.MaxUnacked),
		fmt.Sprintf("| days that are looked through | %d |", mailbox.Days),
		fmt.Sprintf("again after %d days, or when it comes back after a day", offerAgain/(24*time.Hour)),
		fmt.Sprintf("%d s after the invitation was added", answerGrace/time.Second),
		fmt.Sprintf("Without an answer it ends after %d days", answerTimeout/(24*time.Hour)),
		fmt.Sprintf("when something is written %d days after the one before over a link, %d days in mail", spareLinked/(24*time.Hour), spareMailed/(24*time.Hour)),
		fmt.Sprintf("that do not open for %d hours", oddTime/time.Hour),
	} {
		if !strings.Contains(section, want) {
			t.Errorf("the section does not say %q", want)
		}
	}
	if firstOnes != 10 || spreadTime != 10*time.Minute || idlePause != time.Hour || activeTime != 24*time.Hour {
		t.Error("the section says ten people, 10 minutes, an hour, a day")
	}
}
