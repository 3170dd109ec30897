package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"dione/net/sim"
)

// churnFlags are those that belong to the run over days only.
type churnFlags struct {
	days                                float64
	departure                           part
	median                              time.Duration
	weibull                             bool
	messages, parts, locations, holders int
	repair                              time.Duration
	reputs                              bool
}

// churn puts messages into a network whose nodes come and go, and reads them
// days later.
func (o *options) churn(out io.Writer) error {
	switch {
	case o.days <= 0 || o.days > sim.MaxDays:
		return fmt.Errorf("-days has to be more than 0, and at most %d: so long packages live", sim.MaxDays)
	case o.departure > 0 && o.median > 0:
		return errors.New("-departure and -session-median exclude each other")
	case o.departure == 1 || o.median < 0:
		return errors.New("-departure has to be less than 1, -session-median more than 0")
	case o.median > 0 && o.median < time.Minute:
		return errors.New("-session-median has to be a minute or more")
	case o.nodes < 2 || o.nodes > 100_000:
		return errors.New("-nodes has to be from 2 to 100000")
	case o.messages < 1 || o.parts < 1 || o.locations < 1 || o.holders < 1 || o.holders > 20:
		return errors.New("-messages, -parts, -locations and -holders have to be 1 or more, -holders at most 20")
	case o.repair < time.Minute:
		return errors.New("-repair has to be a minute or more")
	}
	_, err := fmt.Fprintln(out, o.mail())
	return err
}

func (o *options) mail() sim.MailSummary {
	shape := sim.LogNormal
	if o.weibull {
		shape = sim.Weibull
	}
	c := sim.NewChurn(sim.ChurnConfig{
		Nodes: o.nodes, Departure: float64(o.departure), Median: o.median, Shape: shape, Silent: float64(o.silent),
		Holders: o.holders, Repair: o.repair, Network: sim.NetworkConfig{Seed: o.seed},
	})
	return c.Run(sim.MailConfig{Messages: o.messages, Parts: o.parts, Locations: o.locations, Days: o.days, Reputs: o.reputs})
}
