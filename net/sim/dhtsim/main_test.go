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
