package browse

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"dione/net/messenger"
)

// book is a history of texts.
type book []string

func (b book) History(_ context.Context, _ messenger.Chat, before messenger.Cursor, n int) (page []messenger.Message, _ error) {
	end := len(b)
	if before.Row > 0 {
		end = int(before.Row) - 1
	}
	for i := max(0, end-n); i < end; i++ {
		page = append(page, messenger.Message{Row: int64(i + 1), Pos: float64(i + 1), Text: b[i]})
	}
	return page, nil
}

func TestFind(t *testing.T) {
	b := book{"https://oldest.org"}
	for i := range 250 {
		b = append(b, fmt.Sprint("line ", i))
	}
	b = append(b, "https://a.org then https://b.org", "none here", "\x1b]8;;https://x.org\x07 https://c.org")
	for n, want := range []string{"", "https://c.org", "https://x.org", "https://b.org", "https://a.org", "https://oldest.org"} {
		if n == 0 {
			continue
		}
		if l, err := Find(t.Context(), b, messenger.Room, n); err != nil || l.Target != want {
			t.Errorf("link %d is %q, %v; want %q", n, l.Target, err, want)
		}
	}
	var none *NoLinkError
	if _, err := Find(t.Context(), b, messenger.Room, 6); !errors.As(err, &none) || none.Links != 5 || none.Error() == "" {
		t.Errorf("link 6: %v", err)
	}
	if _, err := Find(t.Context(), make(book, maxBack+1), messenger.Room, 1); !errors.As(err, &none) || !none.More {
		t.Errorf("a link far back: %v", err)
	}
}

func TestScreen(t *testing.T) {
	for _, tt := range []struct {
		system, env string
		want        bool
	}{
		{"linux", "", false},
		{"linux", "DISPLAY", true},
		{"linux", "WAYLAND_DISPLAY", true},
		{"linux", "SSH_CONNECTION", false},
		{"linux", "SSH_CONNECTION DISPLAY", true},
		{"freebsd", "SSH_TTY", false},
		{"darwin", "", true},
		{"darwin", "SSH_CONNECTION", false},
		{"windows", "SSH_TTY", false},
	} {
		env := func(name string) string {
			if slices.Contains(strings.Fields(tt.env), name) {
				return "1"
			}
			return ""
		}
		if got := hasScreen(tt.system, env); got != tt.want {
			t.Errorf("%s with %q: %t, want %t", tt.system, tt.env, got, tt.want)
		}
	}
	for _, system := range []string{"linux", "darwin", "windows"} {
		if args := program(system, "https://a.org"); args[len(args)-1] != "https://a.org" {
			t.Errorf("%s: %q", system, args)
		}
	}
}

func TestRun(t *testing.T) {
	self := os.Args[0]
	if err := run(t.Context(), []string{"no-such-program-anywhere"}, time.Minute); err == nil {
		t.Error("a program that does not exist has no error")
	}
	if err := run(t.Context(), []string{self, "-no-such-flag"}, time.Minute); err == nil || !strings.Contains(err.Error(), "exit status") {
		t.Errorf("a program that fails: %v", err)
	}
	if err := run(t.Context(), []string{self, "-test.run=^$"}, time.Minute); err != nil {
		t.Errorf("a program that ends well: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := run(ctx, []string{self, "-test.run=^$"}, time.Minute); err != nil {
		t.Errorf("one that goes on: %v", err)
	}
}
