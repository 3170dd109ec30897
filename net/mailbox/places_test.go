package mailbox

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"slices"
	"testing"
	"time"

	"dione/internal/vectors"
)

// refPlaces is crypto/PROTOCOL.md, section 10, written from its text: the key
// of a chain so many days on, and the places of that day.
func refPlaces(key []byte, days int) (later, places []byte) {
	for range days {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte("dione/1 location day"))
		mac.Write([]byte{1})
		key = mac.Sum(nil)
	}
	for j := range byte(3) {
		sum := sha256.Sum256(slices.Concat([]byte("dione/1 location place"), key, []byte{j}))
		places = append(places, sum[:]...)
	}
	return key, places
}

func TestPlaces(t *testing.T) {
	all := vectors.Read(t, "../../crypto/PROTOCOL.md", "")
	start := Chain{Key: [32]byte(all["pqxdh lk initiator"]), Day: 20777}
	for _, tt := range []struct {
		name string
		days int
	}{{"first day", 0}, {"next day", 1}, {"day 14", 14}} {
		key, places := refPlaces(start.Key[:], tt.days)
		chain, ok := start.At(start.Day + uint32(tt.days))
		if !ok || chain.Day != start.Day+uint32(tt.days) {
			t.Fatalf("%s: At = day %d, %v", tt.name, chain.Day, ok)
		}
		var got []byte
		for _, p := range chain.Places() {
			got = append(got, p[:]...)
		}
		if !bytes.Equal(chain.Key[:], key) || !bytes.Equal(got, places) {
			t.Errorf("%s: the two implementations differ", tt.name)
		}
		if want := all["places "+tt.name]; !bytes.Equal(want, append(slices.Clone(key), places...)) {
			t.Errorf("vector\n```vector places %s\n%x%x\n```", tt.name, key, places)
		}
	}
	if _, ok := start.At(start.Day - 1); ok {
		t.Error("a chain goes back")
	}
}

func TestDayOf(t *testing.T) {
	for _, tt := range []struct {
		at   string
		want uint32
	}{
		{"1970-01-01T00:00:00Z", 0}, {"2026-11-20T23:59:59Z", 20777}, {"2026-11-21T00:00:00Z", 20778}, {"2026-11-21T00:30:00+01:00", 20777},
	} {
		at, err := time.Parse(time.RFC3339, tt.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := DayOf(at); got != tt.want {
			t.Errorf("DayOf(%s) = %d, want %d", tt.at, got, tt.want)
		}
	}
}
