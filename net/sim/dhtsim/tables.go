package main

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"time"

	"dione/net/sim"
)

// tableSize is how large the runs are of which the tables are made.
type tableSize struct {
	lookups  int
	static   []int // nodes
	attacked int   // nodes, some of them adversaries
	nodes    int   // nodes that come and go
	messages int
	days     float64
}

var fullSize = tableSize{
	lookups: 2_000, static: []int{1_000, 10_000, 100_000}, attacked: 10_000,
	nodes: 200, messages: 1_000, days: 14,
}

// tables prints the tables of docs/simulation.md.
func tables(out io.Writer, seed uint64, size tableSize) error {
	p := printer{out: out}
	size.hops(&p, seed)
	size.adversaries(&p, seed)
	size.losses(&p, seed)
	return p.err
}

func (size *tableSize) hops(p *printer, seed uint64) {
	p.line("hops and messages, mean/p99 of %d lookups, k=20 alpha=3", size.lookups)
	p.line("%8s  %-22s  %-22s", "nodes", "answers of 12", "answers of 20")
	for _, nodes := range size.static {
		s := sim.NewStatic(sim.StaticConfig{Nodes: nodes, Seed: seed})
		row := fmt.Sprintf("%8d", nodes)
		for _, answers := range []int{12, 20} {
			l := s.Lookups(size.lookups, sim.Search{Alpha: 3, Answers: answers})
			row += fmt.Sprintf("  %6.2f/%d  %7.2f/%-4d", l.HopsMean, l.HopsP99, l.MessagesMean, l.MessagesP99)
		}
		p.line("%s", row)
	}
	p.line("")
}

func (size *tableSize) adversaries(p *printer, seed uint64) {
	p.line("success in %% of %d lookups among %d nodes, k=20 alpha=3, by paths", size.lookups, size.attacked)
	p.line("%11s  %-24s  %-24s", "", "answers of 12", "answers of 20")
	p.line("%11s  %8s%8s%8s  %8s%8s%8s", "adversaries", "1", "4", "8", "1", "4", "8")
	for _, adversaries := range []float64{0.1, 0.2, 0.3, 0.4, 0.5} {
		s := sim.NewStatic(sim.StaticConfig{Nodes: size.attacked, Adversaries: adversaries, Seed: seed})
		row := fmt.Sprintf("%9.0f %%", 100*adversaries)
		for _, answers := range []int{12, 20} {
			row += "  "
			for _, paths := range []int{1, 4, 8} {
				row += fmt.Sprintf("%8.2f", s.Lookups(size.lookups, sim.Search{Alpha: 3, Paths: paths, Answers: answers}).Success)
			}
		}
		p.line("%s", row)
	}
	p.line("")
}

func (size *tableSize) losses(p *printer, seed uint64) {
	rows := []struct {
		name   string
		median time.Duration
		churn  part
		shape  sim.Shape
	}{
		{"20 % leave in a day", 0, 0.2, sim.LogNormal},
		{"sessions of 2 h, log-normal", 2 * time.Hour, 0, sim.LogNormal},
		{"sessions of 2 h, Weibull", 2 * time.Hour, 0, sim.Weibull},
	}
	locations := []int{1, 3}
	// As many runs at a time as there are processors; they are told in order.
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	results := make([]chan sim.MailSummary, 0, len(rows)*len(locations))
	for _, row := range rows {
		for _, n := range locations {
			result := make(chan sim.MailSummary, 1)
			results = append(results, result)
			go func() {
				slots <- struct{}{}
				defer func() { <-slots }()
				c := sim.NewChurn(sim.ChurnConfig{
					Nodes: size.nodes, Departure: float64(row.churn), Median: row.median, Shape: row.shape,
					Silent: 0.2, Network: sim.NetworkConfig{Seed: seed},
				})
				result <- c.Run(sim.MailConfig{Messages: size.messages, Locations: n, Days: size.days})
			}()
		}
	}
	p.line("messages lost of %d after %g days, %d nodes, 20 %% of them silent, 8 holders, repair every hour", size.messages, size.days, size.nodes)
	p.line("%-28s  %11s  %11s", "", "1 location", "3 locations")
	for i, row := range rows {
		one, three := <-results[2*i], <-results[2*i+1]
		p.line("%-28s  %11d  %11d", row.name, one.Lost, three.Lost)
	}
}

// printer prints lines until the first error.
type printer struct {
	out io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintln(p.out, strings.TrimRight(fmt.Sprintf(format, args...), " "))
	}
}
