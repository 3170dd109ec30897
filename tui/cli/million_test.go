package cli_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/creack/pty"

	"dione/crypto/identity"
	"dione/store"
)

// These benchmarks run the screen on a profile of 1,000,000 messages in 200
// conversations. It is made in the directory that benchCache names, once, or
// in a new one.

// benchCache is the variable that names a directory for what benchmarks make.
const benchCache = "DIONE_BENCH_CACHE"

const (
	inRoom    = 200_000 // messages
	inChat    = 800_000 / 199
	people    = 199
	runLength = 20  // signs at the end of each conversation with a person, another one in each
	firstSign = 'Ā' // the first of them; the others follow it
	roomEnd   = "that was the last one"
)

// million is the home with all of it.
func million(b *testing.B, bin string) *home {
	b.Helper()
	h := newHome(b, bin, nil, "ann")
	cache := os.Getenv(benchCache)
	if cache == "" {
		cache = b.TempDir()
	}
	h.dir = filepath.Join(cache, "million")
	// The tables of a profile that was made before may be others.
	tables, err := os.ReadFile("../../store/schema/001.sql")
	if err != nil {
		b.Fatal(err)
	}
	done := filepath.Join(cache, "million.done")
	if made, err := os.ReadFile(done); err == nil && bytes.Equal(made, tables) {
		return h
	}
	if err := os.RemoveAll(h.dir); err != nil {
		b.Fatal(err)
	}
	p, err := store.OpenProfile(h.dir)
	if err != nil {
		b.Fatal(err)
	}
	key, err := p.Unlock(nil)
	if err != nil {
		b.Fatal(err)
	}
	st, err := store.Open(b.Context(), p, key, nil)
	if err != nil {
		b.Fatal(err)
	}
	fillMillion(b, st)
	if err := st.Close(); err != nil {
		b.Fatal(err)
	}
	if err := p.Close(); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(done, tables, 0o600); err != nil {
		b.Fatal(err)
	}
	return h
}

// fillMillion writes as people do: each conversation goes on now and then.
func fillMillion(b *testing.B, st *store.Store) {
	b.Helper()
	rnd := mathrand.New(mathrand.NewPCG(7, 7))
	words := strings.Fields("the a of to and in is it you that he was for on are with as I his they be at one have this from or had by hot word but what some we can out other were all there when up use your how said an each she which do their time if will way about many then them write would like so these her long make thing see him two has look more day could go come did number sound no most people my over know water than call first who may down side been now find")
	text := func() string {
		line := make([]string, 3+rnd.IntN(9))
		for i := range line {
			line[i] = words[rnd.IntN(len(words))]
		}
		return strings.Join(line, " ")
	}
	ids := make([]identity.ID, people)
	for i := range ids {
		ids[i] = identity.ID{7, byte(i)}
	}
	at := time.Now().Add(-1_000_000 * time.Second)
	seqs := make([]uint64, people+1) // the last is that of the room
	rest := people * inChat          // messages that the chats still get
	total := uint64(inRoom + rest)
	update := func(f func(*store.Tx) error) {
		if err := st.Update(context.Background(), f); err != nil {
			b.Fatal(err)
		}
	}
	update(func(tx *store.Tx) error {
		for i, id := range ids {
			if err := tx.PutContact(store.Contact{ID: id, Claimed: fmt.Sprintf("person-%03d", i), Kept: true}); err != nil {
				return err
			}
		}
		return nil
	})
	for done := uint64(0); done < total; {
		update(func(tx *store.Tx) error {
			for range min(10_000, total-done) {
				var m store.Message
				if done%5 == 0 && seqs[people] < inRoom || rest == 0 {
					seqs[people]++
					m = store.Message{From: ids[0], Seq: seqs[people], Text: fmt.Sprintf("%06d %s", seqs[people], text())}
					if seqs[people] == inRoom {
						m.Text = roomEnd
					}
				} else {
					rest--
					who := rnd.IntN(people)
					for seqs[who] == inChat {
						who = (who + 1) % people
					}
					seqs[who]++
					m = store.Message{Chat: store.Chat{Peer: ids[who]}, From: ids[who], Seq: seqs[who], Text: text()}
					if seqs[who] == inChat {
						m.Text = strings.Repeat(string(rune(firstSign+who)), runLength)
					}
				}
				_, _ = rand.Read(m.ID[:])
				m.Sent = at.Add(time.Duration(done) * time.Second)
				m.Arrived = m.Sent
				if _, err := tx.AddMessage(&m); err != nil {
					return err
				}
				done++
			}
			return nil
		})
	}
}

// quiet is how the screen runs in these benchmarks: with nobody near.
var quiet = []string{"--lan=false", "--dht=off", "--listen", "/ip4/127.0.0.1/tcp/0"}

// BenchmarkScreen measures the screen against a bare text area in the same
// run: from exec to the first frame, from a key to its echo, and, over ten
// idle seconds, CPU, bytes written, memory.
func BenchmarkScreen(b *testing.B) {
	bin := build(b)
	bare := filepath.Join(b.TempDir(), "bare")
	if out, err := exec.Command("go", "build", "-o", bare, "./testdata/bare").CombinedOutput(); err != nil {
		b.Fatalf("go build: %v\n%s", err, out)
	}
	full := million(b, bin)
	for _, tt := range []struct {
		name    string
		command func() *exec.Cmd
		ready   string
	}{
		{"bare", func() *exec.Cmd { return exec.Command(bare) }, "F1 help"},
		{"dione", func() *exec.Cmd { return full.command(quiet...) }, roomEnd},
	} {
		b.Run(tt.name, func(b *testing.B) {
			var first, echo []time.Duration
			for i := 0; b.Loop(); i++ {
				start := time.Now()
				t := startTerminal(b, tt.command())
				t.await(b, tt.ready)
				first = append(first, time.Since(start))
				time.Sleep(200 * time.Millisecond) // the rest of the start
				for _, key := range "qwertzuiop" {
					t.forget()
					start := time.Now()
					if _, err := io.WriteString(t.pty, string(key)); err != nil {
						b.Fatal(err)
					}
					t.await(b, string(key))
					echo = append(echo, time.Since(start))
				}
				if i == 0 { // it takes seconds, and is done once
					t.idle(b)
				}
				t.end()
			}
			b.ReportMetric(median(first), "ms-first-frame")
			b.ReportMetric(median(echo), "ms-echo")
		})
	}
}

// idle reports what a program does that has nothing to do.
func (t *terminal) idle(b *testing.B) {
	b.Helper()
	const rest = 10 * time.Second
	time.Sleep(15 * time.Second) // until what was typed is kept, and the file looked through
	written, used := t.mark(), t.cpu(b)
	time.Sleep(rest)
	b.ReportMetric((t.cpu(b)-used).Seconds()/rest.Seconds()*100, "%-idle-cpu")
	b.ReportMetric(float64(t.mark()-written), "bytes-idle")
	b.ReportMetric(t.memory(b), "MB-memory")
}

// end kills the program: nothing of it may be lost by that.
func (t *terminal) end() {
	_ = t.cmd.Process.Kill()
	_ = t.cmd.Wait()
}

// startAtEnd starts the screen at the newest message of the room, wherever
// somebody was when it ended.
func startAtEnd(b *testing.B, h *home) *terminal {
	b.Helper()
	t := startTerminal(b, h.command(quiet...))
	t.await(b, "# lan")
	time.Sleep(200 * time.Millisecond)                            // the rest of the start
	if _, err := io.WriteString(t.pty, "\x1b[1;5F"); err != nil { // Ctrl+End
		b.Fatal(err)
	}
	t.await(b, roomEnd)
	time.Sleep(200 * time.Millisecond)
	t.forget()
	return t
}

// BenchmarkSwitch measures from a key that goes to the next conversation until
// the newest message there is on the screen.
func BenchmarkSwitch(b *testing.B) {
	bin := build(b)
	t := startAtEnd(b, million(b, bin))
	var took []time.Duration
	var at rune
	key := "\x1b[1;3B" // Alt+Down
	for i := 0; b.Loop(); i++ {
		if i%(people-1) == people-2 { // the last one: and back, where all has been seen
			key = map[string]string{"\x1b[1;3B": "\x1b[1;3A", "\x1b[1;3A": "\x1b[1;3B"}[key]
		}
		start := time.Now()
		if _, err := io.WriteString(t.pty, key); err != nil {
			b.Fatal(err)
		}
		at = t.awaitRun(b, at)
		took = append(took, time.Since(start))
		time.Sleep(20 * time.Millisecond) // a person's pause, and one frame
	}
	b.ReportMetric(median(took), "ms-median")
	b.ReportMetric(float64(slices.Max(took).Microseconds())/1000, "ms-worst")
	b.ReportMetric(t.memory(b), "MB-memory")
}

// BenchmarkScroll goes 10,000 messages back in the room, as fast as the screen
// follows, and tells the longest time from a key to what it draws.
func BenchmarkScroll(b *testing.B) {
	bin := build(b)
	h := million(b, bin)
	var took []time.Duration
	var memory float64
	number := regexp.MustCompile(`\d{6}`)
	for b.Loop() {
		t := startAtEnd(b, h)
		for pages := 1; ; pages++ {
			took = append(took, t.press(b, "\x1b[5~"))
			if pages%50 > 0 {
				continue
			}
			// Another size has all of it drawn anew, for us to read.
			t.forget()
			if err := pty.Setsize(t.pty, &pty.Winsize{Rows: 40, Cols: uint16(119 + (pages/50+1)%2)}); err != nil {
				b.Fatal(err)
			}
			time.Sleep(200 * time.Millisecond)
			t.mu.Lock()
			m := number.FindString(ansi.Strip(string(t.seen)))
			t.mu.Unlock()
			if m == "" {
				b.Fatal("no message on the terminal")
			}
			if n, _ := strconv.Atoi(m); n < inRoom-10_000 {
				break
			}
		}
		memory = t.memory(b)
		if _, err := io.WriteString(t.pty, "\x1b[1;5F"); err != nil { // the next one starts there
			b.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		t.end()
	}
	slices.Sort(took)
	b.ReportMetric(median(took), "ms-median")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "ms-p99")
	b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, "ms-worst")
	b.ReportMetric(memory, "MB-memory")
}
