package main

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestSVG(t *testing.T) {
	const screen = "plain \x1b[1;38;2;1;2;3mbold <&>\x1b[0m\n\x1b[7;48;5;196mred\n goes on\x1b[0m \x1b]8;;https://example.org\x1b\\link\x1b]8;;\x1b\\ 你好\n"
	var out strings.Builder
	if err := svg(strings.NewReader(screen), &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`fill="#010203" textLength="67.2" xml:space="preserve" font-weight="bold">bold &lt;&amp;&gt;</text>`,
		`fill="#ff0000" textLength="25.2"`, `> goes on</text>`, ` link 你好</text>`,
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %s in\n%s", want, out.String())
		}
	}
	d := xml.NewDecoder(strings.NewReader(out.String()))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func TestCast(t *testing.T) {
	const written = "\x1b[1mä你\x1b[0m \"x\" €"
	var out strings.Builder
	if err := cast(iotest.OneByteReader(strings.NewReader(written)), &out, "80", "24"); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if !strings.HasPrefix(lines[0], `{"version":2,"width":80,"height":24,"timestamp":`) {
		t.Errorf("it begins with %s", lines[0])
	}
	all := ""
	for _, l := range lines[1:] {
		var event [3]any
		if err := json.Unmarshal([]byte(l), &event); err != nil {
			t.Fatal(err)
		}
		all += event[2].(string)
	}
	if all != written {
		t.Errorf("recorded %q, want %q", all, written)
	}
}
