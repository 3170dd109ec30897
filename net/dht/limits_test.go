package dht

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"dione/crypto/parcel"
)

// TestLimits compares the table "Limits of nodes" of net/PROTOCOL.md with the
// constants.
func TestLimits(t *testing.T) {
	text, err := os.ReadFile("../PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(text), "### Limits of nodes")
	if !ok {
		t.Fatal("no table")
	}
	section, _, _ = strings.Cut(section, "\n#")
	rows := make(map[string]string)
	for _, m := range regexp.MustCompile(`(?m)^\| ([^|]+) \| ([^|]+) \|`).FindAllStringSubmatch(section, -1) {
		rows[m[1]] = m[2]
	}
	for what, want := range map[string]string{
		"CBOR of a question; of an answer or notice":                 fmt.Sprintf("%s; %s bytes", thousands(maxQuestion), thousands(maxAnswer)),
		"questions under way on a connection":                        fmt.Sprint(maxFlight),
		"answers with packages that leave over one":                  fmt.Sprint(maxAnswers),
		"questions over a connection":                                fmt.Sprintf("%d a second, %d at once", askRate, askBurst),
		"connections that are answered":                              fmt.Sprintf("%s, of one network %d", thousands(maxServed), maxServedOrigin),
		"a connection on which nothing is asked":                     fmt.Sprintf("%v; %v while something is watched", patience, maxLease),
		"frames that the asker does not read":                        fmt.Sprintf("%v; %d notices", writeTime, maxNotices),
		"store and delete, over one connection":                      fmt.Sprintf("%v a second, %d at once", connRate, connBurst),
		"store and delete, from one network":                         fmt.Sprintf("%v a minute and at once", originRate*60),
		"the same of one of the 24 nearest servers":                  fmt.Sprintf("%d MiB a day for each network, each question as %d KiB", repairBurst*parcel.Size>>20, parcel.Size>>10),
		"offers over one connection":                                 fmt.Sprintf("%v a second, %d at once", connRate, connBurst),
		"store from one network, where space is short":               fmt.Sprintf("%s a day", thousands(dayBurst)),
		"connections that watch":                                     fmt.Sprintf("%d, of one network %d", maxWatches, watchesOfOne),
		"packages given to one network for repair":                   fmt.Sprintf("%d MiB a day", repairBurst*parcel.Size>>20),
		"connections that we have dialled, without those of watches": fmt.Sprint(maxLinks),
		"such a connection on which nothing is asked":                fmt.Sprintf("%v, %v if it was used once", idleTime, onceTime),
		"dials at a time":                                            fmt.Sprintf("%d to %d, as many as end in time", minDials, maxDials),
		"a dial; an answer; one that waits for a dial-back":          fmt.Sprintf("%v; %v; %v", dialTime, askTime, backTime),
		"packages that a watch brings":                               fmt.Sprint(maxTold),
		"servers in a table":                                         thousands(maxTable),
		"newcomers that are asked":                                   fmt.Sprintf("%d at a time", maxTrying),
		"of those that others name, waiting; asked":                  fmt.Sprintf("%d; %v a second, %d at once", maxHeard, verifyRate, verifyBurst),
		"of those that have asked us, waiting":                       fmt.Sprint(maxCallers),
		"nodes to begin with":                                        fmt.Sprint(maxPeers),
		"dials into one network, at addresses that only others name": fmt.Sprintf("%d a minute; %s networks", originDials, thousands(maxOrigins)),
		"questions of a path of a lookup":                            fmt.Sprintf("%d and %d times its width", pathBase, pathWidth),
	} {
		got, ok := rows[what]
		switch {
		case !ok:
			t.Errorf("no row %q", what)
		case got != words(want):
			t.Errorf("%s: %q, and the code has %q", what, got, words(want))
		}
		delete(rows, what)
	}
	for _, what := range []string{"what", "---", "answers and notices that were not asked for", "bytes of one network, there", "networks and connections whose rates are known; evicted packages; offers"} {
		delete(rows, what)
	}
	for what := range rows {
		t.Errorf("row %q is not compared", what)
	}
}

// thousands writes a number as the page does.
func thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}

// words writes durations as the page does.
func words(s string) string {
	return regexp.MustCompile(`\d[\dhms.]*[hms]\b`).ReplaceAllStringFunc(s, func(s string) string {
		d, err := time.ParseDuration(s)
		switch {
		case err != nil:
			return s
		case d%time.Minute == 0:
			return fmt.Sprintf("%d min", d/time.Minute)
		}
		return fmt.Sprintf("%v s", d.Seconds())
	})
}
