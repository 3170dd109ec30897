package lan

import "testing"

func TestSpellings(t *testing.T) {
	seen := make(map[string]bool)
	for n := range uint16(spellings) {
		s := spell(n)
		if seen[s] {
			t.Fatalf("two numbers are spelled %q", s)
		}
		seen[s] = true
		if got, ok := spelling(s); !ok || got != n {
			t.Fatalf("spelling(%q) = %d, %v, want %d", s, got, ok, n)
		}
	}
	if s := spell(0); s != question {
		t.Errorf("spell(0) = %q, want %q", s, question)
	}
}

func TestAskers(t *testing.T) {
	a := newAskers()
	if a.own == 0 || a.own >= spellings {
		t.Fatalf("our own spelling is %d", a.own)
	}
	other := a.own%(spellings-1) + 1
	for _, tt := range []struct {
		what, name string
		want       bool
	}{
		{"our own question", spell(a.own), false},
		{"another program's", question, true},
		{"the same again", question, false},
		{"a newcomer's", spell(other), true},
		{"the same again", spell(other), false},
		{"about something else", "_http._tcp.local.", false},
	} {
		if got := a.isNew(tt.name); got != tt.want {
			t.Errorf("%s, %q: isNew = %v, want %v", tt.what, tt.name, got, tt.want)
		}
	}
	a.forget()
	if !a.isNew(spell(other)) {
		t.Error("somebody is known on a network that is new")
	}
	for n := range uint16(spellings) {
		a.isNew(spell(n))
	}
	if len(a.known) > maxKnown {
		t.Errorf("%d spellings are remembered, want at most %d", len(a.known), maxKnown)
	}
}

func FuzzSpelling(f *testing.F) {
	f.Add(question)
	f.Add(spell(4711))
	f.Add("_dione._tcp.locaſ.")
	f.Fuzz(func(t *testing.T, name string) {
		if n, ok := spelling(name); ok && spell(n) != name {
			t.Errorf("spelling(%q) = %d, which is spelled %q", name, n, spell(n))
		}
	})
}
