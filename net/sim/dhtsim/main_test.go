package main

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// figures runs the program and returns what its line says.
func figures(t *testing.T, args ...string) map[string]float64 {
	t.Helper()
	var out strings.Builder
	if err := run(args, &out); err != nil {
		t.Fatalf("dhtsim %v: %v", args, err)
	}
	if !regexp.MustCompile(`^([a-z_0-9]+=[0-9.]+ ?)+\n$`).MatchString(out.String()) {
		t.Fatalf("dhtsim %v printed %q", args, out.String())
	}
	got := make(map[string]float64)
	for _, field := range strings.Fields(out.String()) {
		name, value, _ := strings.Cut(field, "=")
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			t.Fatal(err)
		}
		got[name] = v
	}
	return got
}

func TestStatic(t *testing.T) {
	got := figures(t, "-nodes", "1000", "-lookups", "500", "-k", "20", "-alpha", "3", "-paths", "1", "-seed", "7")
	for _, want := range []struct {
		name      string
		low, high float64
	}{
		{"hops_mean", 1.69, 2.09},
		{"hops_p99", 2.8, 3.2},
		{"messages_mean", 19.4, 23.6},
		{"messages_p99", 20.7, 25.3},
		{"success", 99.5, 100},
	} {
		if v := got[want.name]; v < want.low || v > want.high {
			t.Errorf("%s = %v, want %v to %v", want.name, v, want.low, want.high)
		}
	}
	if len(got) != 5 {
		t.Errorf("printed %v", got)
	}
}

func TestChurn(t *testing.T) {
	got := figures(t, "-nodes", "30", "-days", "0.2", "-departure", "50%", "-messages", "10", "-parts", "2",
		"-locations", "2", "-holders", "5", "-repair", "30m", "-silent", "0.1", "-seed", "3")
	if len(got) != 4 || got["messages"] != 10 || got["lost"] != 0 || got["store_messages"] < 10*2*2*4 || got["repair_bytes"] == 0 {
		t.Errorf("printed %v", got)
	}
	got = figures(t, "-nodes", "20", "-days", "0.1", "-session-median", "2h", "-weibull", "-messages", "3", "-locations", "1")
	if got["messages"] != 3 {
		t.Errorf("printed %v", got)
	}
}

func TestTables(t *testing.T) {
	var out strings.Builder
	small := tableSize{lookups: 20, static: []int{50, 100}, attacked: 100, nodes: 12, messages: 2, days: 0.1}
	if err := tables(&out, 1, small); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(out.String(), "\n"); got != 2+2+1+3+5+1+2+3 {
		t.Errorf("%d lines:\n%s", got, &out)
	}
}

func TestSameSeedSameRun(t *testing.T) {
	args := []string{"-nodes", "300", "-lookups", "100", "-adversaries", "30%", "-silent", "0.2", "-paths", "4", "-seed"}
	var runs [3]strings.Builder
	for i, seed := range []string{"1", "1", "2"} {
		if err := run(append(args, seed), &runs[i]); err != nil {
			t.Fatal(err)
		}
	}
	if runs[0].String() != runs[1].String() {
		t.Errorf("the same seed gave %q and %q", &runs[0], &runs[1])
	}
	if runs[0].String() == runs[2].String() {
		t.Errorf("another seed gave the same %q", &runs[0])
	}
}

func TestBadFlags(t *testing.T) {
	for _, args := range [][]string{
		{"-nodes", "1"},
		{"-nodes", "many"},
		{"-lookups", "0"},
		{"-k", "0"},
		{"-alpha", "-1"},
		{"-paths", "0"},
		{"-adversaries", "1.5"},
		{"-adversaries", "NaN"},
		{"-adversaries", "100%", "-nodes", "9"},
		{"-silent", "20"},
		{"-unknown"},
		{"word"},
		{"-departure", "0.2"},
		{"-messages", "5"},
		{"-reputs"},
		{"-days", "15"},
		{"-days", "-1"},
		{"-days", "1", "-departure", "1"},
		{"-days", "1", "-departure", "0.2", "-session-median", "2h"},
		{"-days", "1", "-session-median", "1s"},
		{"-days", "1", "-messages", "0"},
		{"-days", "1", "-holders", "21"},
		{"-days", "1", "-repair", "0s"},
		{"-days", "1", "-nodes", "1"},
	} {
		var out strings.Builder
		if err := run(args, &out); err == nil {
			t.Errorf("dhtsim %v printed %q, want an error", args, &out)
		}
	}
}

func TestHelp(t *testing.T) {
	var out strings.Builder
	if err := run([]string{"-h"}, &out); err != nil || !strings.Contains(out.String(), "-adversaries") {
		t.Errorf("-h = %v, printed %q", err, &out)
	}
}
