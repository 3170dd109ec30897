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
