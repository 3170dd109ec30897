package main

import (
	"errors"
	"fmt"
	"io"

	"dione/net/sim"
)

// static runs lookups on a network in which nobody comes or goes.
func (o *options) static(out io.Writer) error {
	switch {
	case o.nodes < 2 || o.nodes > 1_000_000:
		return errors.New("-nodes has to be from 2 to 1000000")
	case o.lookups < 1:
		return errors.New("-lookups has to be 1 or more")
	case o.k < 1 || o.alpha < 1 || o.paths < 1 || o.answers < 1:
		return errors.New("-k, -alpha, -paths and -answers have to be 1 or more")
	}
	s := sim.NewStatic(sim.StaticConfig{
		Nodes: o.nodes, K: o.k, Seed: o.seed, Adversaries: float64(o.adversaries), Silent: float64(o.silent),
	})
	if s.Honest() == 0 {
		return errors.New("no node is left that is honest and answers")
	}
	_, err := fmt.Fprintln(out, s.Lookups(o.lookups, sim.Search{Alpha: o.alpha, Paths: o.paths, Answers: o.answers}))
	return err
}

// tables prints the tables of docs/simulation.md.
func tables(out io.Writer, seed uint64) error {
	const lookups = 2_000
	p := printer{out: out}
	p.line("hops and messages (mean/p99) of %d lookups on perfect tables, k=20 alpha=3", lookups)
	p.line("nodes   answers=12            answers=20")
	for _, nodes := range []int{1_000, 10_000, 100_000} {
		s := sim.NewStatic(sim.StaticConfig{Nodes: nodes, Seed: seed})
		a := s.Lookups(lookups, sim.Search{Alpha: 3, Answers: 12})
		b := s.Lookups(lookups, sim.Search{Alpha: 3, Answers: 20})
		p.line("%6d  %.2f/%d %6.2f/%d       %.2f/%d %6.2f/%d", nodes,
			a.HopsMean, a.HopsP99, a.MessagesMean, a.MessagesP99, b.HopsMean, b.HopsP99, b.MessagesMean, b.MessagesP99)
	}
	p.line("")
	p.line("success in %% of %d lookups among 10000 nodes, k=20 alpha=3", lookups)
	p.line("adversaries   answers=12            answers=20")
	p.line("              d=1    d=4    d=8     d=1    d=4    d=8")
	for _, adversaries := range []float64{0.1, 0.2, 0.3, 0.4, 0.5} {
		s := sim.NewStatic(sim.StaticConfig{Nodes: 10_000, Adversaries: adversaries, Seed: seed})
		row := fmt.Sprintf("%8.0f %%  ", 100*adversaries)
		for _, answers := range []int{12, 20} {
			for _, paths := range []int{1, 4, 8} {
				row += fmt.Sprintf("%7.2f", s.Lookups(lookups, sim.Search{Alpha: 3, Paths: paths, Answers: answers}).Success)
			}
			row += " "
		}
		p.line("%s", row)
	}
	return p.err
}

// printer prints lines until the first error.
type printer struct {
	out io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.out, format+"\n", args...)
	}
}
