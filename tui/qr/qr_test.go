package qr

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// modules reads lines back: true is a block.
func modules(lines []string) (rows [][]bool) {
	for _, l := range lines {
		var upper, lower []bool
		for _, r := range l {
			upper = append(upper, r == '█' || r == '▀')
			lower = append(lower, r == '█' || r == '▄')
		}
		rows = append(rows, upper, lower)
	}
	return rows
}

// The three corners by which cameras find a code, seen through its margin.
func TestLines(t *testing.T) {
	const digits = "123456789012345678901234567890123456789012345678901234567890"
	lines, err := Lines(digits, false)
	if err != nil {
		t.Fatal(err)
	}
	rows := modules(lines)
	size := utf8.RuneCountInString(lines[0]) - 2*quiet
	finder := []string{"#######", "#     #", "# ### #", "# ### #", "# ### #", "#     #", "#######"}
	for _, at := range [][2]int{{0, 0}, {size - 7, 0}, {0, size - 7}} {
		for y, line := range finder {
			for x, c := range line {
				if got := rows[quiet+at[1]+y][quiet+at[0]+x]; got != (c == '#') {
					t.Fatalf("corner %v: module %d, %d is %v", at, x, y, got)
				}
			}
		}
	}
	for i := range size + 2*quiet {
		if rows[0][i] || rows[1][i] || rows[i][0] || rows[i][1] {
			t.Errorf("the margin is not empty at %d", i)
		}
	}
	inverted, err := Lines(digits, true)
	if err != nil {
		t.Fatal(err)
	}
	for y, row := range modules(inverted)[:size+2*quiet] {
		for x, block := range row {
			if block == rows[y][x] {
				t.Fatalf("module %d, %d is not inverted", x, y)
			}
		}
	}
}

// What people show each other fits a terminal of 80×24.
func TestSizes(t *testing.T) {
	for name, tt := range map[string]struct {
		text string
		rows int
	}{
		"safety number":      {strings.Repeat("1234567890", 6), 15},
		"longest invitation": {"DIONE:" + strings.Repeat("A", 159), 23},
	} {
		lines, err := Lines(tt.text, false)
		if err != nil || len(lines) > tt.rows || utf8.RuneCountInString(lines[0]) > 80 {
			t.Errorf("%s: %d rows of %d, %v; want at most %d", name, len(lines), utf8.RuneCountInString(lines[0]), err, tt.rows)
		}
	}
	if _, err := Lines(strings.Repeat("x", 5000), false); err == nil {
		t.Error("a text that no code holds was drawn")
	}
}
