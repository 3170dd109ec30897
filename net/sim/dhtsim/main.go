// The dhtsim program runs the program's own net/dht on a network in memory and
// in virtual time, and prints what came of it. docs/simulation.md explains the
// figures.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "dhtsim:", err)
		os.Exit(2)
	}
}

// options is what the flags say.
type options struct {
	nodes, lookups, k, alpha, paths, answers int
	adversaries, silent                      part
	seed                                     uint64
	tables                                   bool
	churnFlags
}

func run(args []string, out io.Writer) error {
	o := options{}
	fs := flag.NewFlagSet("dhtsim", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.IntVar(&o.nodes, "nodes", 0, "nodes of the network; 10000, with -days 200")
	fs.IntVar(&o.lookups, "lookups", 2_000, "lookups of random places from random nodes")
	fs.IntVar(&o.k, "k", 20, "contacts in a bucket, and nodes that have to answer a lookup")
	fs.IntVar(&o.alpha, "alpha", 3, "questions of a lookup under way")
	fs.IntVar(&o.paths, "paths", 1, "disjoint paths of a lookup, which share k")
	fs.IntVar(&o.answers, "answers", 12, "contacts in an answer; 12 is what the program's have")
	fs.Var(&o.adversaries, "adversaries", "part of the nodes that name only each other: 0.3 or 30%")
	fs.Var(&o.silent, "silent", "part of the other nodes that do not answer: 0.2 or 20%")
	fs.Uint64Var(&o.seed, "seed", 1, "the same seed gives the same run")
	fs.Float64Var(&o.days, "days", 0, "put messages, let so many days pass, and read them; 0: lookups only")
	fs.Var(&o.departure, "departure", "with -days: part of the nodes that leaves in a day, for ever: 0.2 or 20%")
	fs.DurationVar(&o.median, "session-median", 0, "with -days: half of the nodes stay so long at most, in the place of -departure")
	fs.BoolVar(&o.weibull, "weibull", false, "with -session-median: sessions are distributed like that and not log-normal")
	fs.IntVar(&o.messages, "messages", 1_000, "with -days: messages")
	fs.IntVar(&o.parts, "parts", 1, "with -days: packages of a message")
	fs.IntVar(&o.locations, "locations", 3, "with -days: where each package is put")
	fs.IntVar(&o.holders, "holders", 8, "with -days: nodes that hold a package at one location")
	fs.DurationVar(&o.repair, "repair", time.Hour, "with -days: from one round of repair to the next")
	fs.BoolVar(&o.reputs, "reputs", false, "with -days: the writer comes online once a day, and puts again after 1, 2, 4 and 8 days")
	fs.BoolVar(&o.tables, "tables", false, "print all tables of docs/simulation.md")
	switch err := fs.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		fs.SetOutput(out)
		fs.PrintDefaults()
		return nil
	case err != nil:
		return err
	}
	if fs.NArg() > 0 {
		return fmt.Errorf("%q is not a flag", fs.Arg(0))
	}
	if o.tables {
		return tables(out, o.seed, fullSize)
	}
	set := make(map[string]bool)
	fs.Visit(func(f *flag.Flag) { set[f.Name] = true })
	churn := o.days != 0
	switch {
	case !set["nodes"] && churn:
		o.nodes = fullSize.nodes
	case !set["nodes"]:
		o.nodes = fullSize.attacked
	}
	if churn {
		return o.churn(out)
	}
	for _, name := range []string{"departure", "session-median", "weibull", "messages", "parts", "locations", "holders", "repair", "reputs"} {
		if set[name] {
			return fmt.Errorf("-%s is for a run of -days", name)
		}
	}
	return o.static(out)
}

// part is a part of a whole, from 0 to 1.
type part float64

func (p *part) String() string { return strconv.FormatFloat(float64(*p), 'g', -1, 64) }

// Set reads 0.3 or 30%.
func (p *part) Set(s string) error {
	number, percent := strings.CutSuffix(s, "%")
	v, err := strconv.ParseFloat(number, 64)
	if percent {
		v /= 100
	}
	if err != nil || !(v >= 0 && v <= 1) {
		return errors.New("want a part, from 0 to 1 or from 0% to 100%")
	}
	*p = part(v)
	return nil
}
