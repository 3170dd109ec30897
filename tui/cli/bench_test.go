package cli_test

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"dione/net/sim/netns"
)

// These benchmarks run the built program as its users do. Run them with
// -benchtime 20x: each reports medians.

func median(d []time.Duration) float64 {
	slices.Sort(d)
	return float64(d[len(d)/2].Microseconds()) / 1000
}

// BenchmarkNear measures from the start of a second process, on another host,
// until both have printed that the other is near.
func BenchmarkNear(b *testing.B) {
	bin := build(b)
	lab := netns.New(b, 2)
	ann := newHome(b, bin, lab.Host(0), "ann").start()
	bobHome := newHome(b, bin, lab.Host(1), "bob")
	var took []time.Duration
	for b.Loop() {
		n := ann.mark()
		start := time.Now()
		bob := bobHome.start()
		here := bob.awaitNear("ann")
		there := ann.awaitFrom(n, "bob near", func(l line) bool { return l.Kind == "near" && l.Name == "bob" })
		took = append(took, max(here.At.Sub(start), there.At.Sub(start)))
		n = ann.mark()
		bob.quit()
		ann.awaitFrom(n, "bob gone", func(l line) bool { return l.Kind == "gone" && l.Name == "bob" })
	}
	b.ReportMetric(median(took), "ms-median")
	b.ReportMetric(float64(slices.Max(took).Milliseconds()), "ms-worst")
}

// BenchmarkTwoProcesses measures private messages a second, one way, durable
// at both ends, from the first sent to the last delivered.
func BenchmarkTwoProcesses(b *testing.B) {
	bin := build(b)
	lab := netns.New(b, 2)
	ann := newHome(b, bin, lab.Host(0), "ann").start()
	bob := newHome(b, bin, lab.Host(1), "bob").start()
	ann.awaitNear("bob")
	ann.say("/msg " + bob.peer())
	const burst = 10_000
	text := strings.Repeat("words of a message ", 5)
	var spent time.Duration
	for i := 0; b.Loop(); i++ {
		start := time.Now()
		lines := make([]string, burst)
		for n := range lines {
			lines[n] = text + strconv.Itoa(n)
		}
		lines[burst-1] = fmt.Sprint("the last of burst ", i)
		n := ann.mark()
		ann.say(lines...)
		id := ann.awaitFrom(n, "the last sent", func(l line) bool { return l.Kind == "sent" && l.Text == lines[burst-1] }).ID
		ann.awaitFrom(n, "the last delivered", func(l line) bool { return l.Kind == "state" && l.ID == id && l.State == "delivered" })
		spent += time.Since(start)
	}
	b.ReportMetric(float64(burst*b.N)/spent.Seconds(), "messages/s")
}

// BenchmarkEnter measures from Enter on one screen to the text on another
// one, durable at both ends, on two hosts.
func BenchmarkEnter(b *testing.B) {
	bin := build(b)
	lab := netns.New(b, 2)
	ann := startTerminal(b, newHome(b, bin, lab.Host(0), "ann").command("--name", "ann"))
	bob := startTerminal(b, newHome(b, bin, lab.Host(1), "bob").command("--name", "bob"))
	ann.await(b, "bob")
	bob.await(b, "ann")
	var took []time.Duration
	for i := 0; b.Loop(); i++ {
		text := fmt.Sprintf("<%d>", i)
		if _, err := io.WriteString(ann.pty, text); err != nil {
			b.Fatal(err)
		}
		ann.await(b, ">")
		time.Sleep(100 * time.Millisecond) // a person's pause
		start := time.Now()
		if _, err := io.WriteString(ann.pty, "\r"); err != nil {
			b.Fatal(err)
		}
		bob.await(b, text)
		took = append(took, time.Since(start))
	}
	b.ReportMetric(median(took), "ms-median")
	b.ReportMetric(float64(slices.Max(took).Milliseconds()), "ms-worst")
}
