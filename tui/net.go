package tui

import (
	"fmt"
	"strings"
	"time"

	"dione/net/messenger"
	"dione/tui/dialog"
	"dione/tui/text"
)

// This file holds what the screen tells of the network.

func (m *model) netDialog() *dialog.Dialog {
	return &dialog.Dialog{Kind: dialog.Net, Title: "Network", Foot: "Esc closes", Lines: m.netLines()}
}

// mailLines tell of the part in the mail network.
func mailLines(d messenger.DHT, measured time.Duration) []dialog.Line {
	lines := []dialog.Line{{}, {Left: "MAIL NETWORK", Head: true}}
	if d.Mode == "" {
		return append(lines, dialog.Line{Left: "no part in it, or not yet"})
	}
	part := "client: nobody has reached us from outside"
	switch {
	case d.Mode == "client":
		part = "client, as configured"
	case d.Serves && d.ServesNear:
		part = "server for the internet and the networks around"
	case d.Serves:
		part = "server for the internet"
	case d.ServesNear:
		part = "server for the networks around"
	}
	lines = append(lines,
		dialog.Line{Left: "our part", Right: part},
		dialog.Line{Left: "servers known", Right: fmt.Sprintf("%d on the internet, %d near", d.Servers, d.Near)},
	)
	if d.Seed != "" {
		lines = append(lines, dialog.Line{Left: "seed", Right: "✗ " + text.Name(d.Seed)})
	}
	if d.Problem != "" {
		lines = append(lines, dialog.Line{Left: "held for others", Right: "✗ " + text.Name(d.Problem)})
	} else if d.Capacity > 0 {
		lines = append(lines, dialog.Line{Left: "held for others", Right: size(uint64(d.Held)) + " of " + size(uint64(d.Capacity))})
	}
	return append(lines, trafficLines(d.BytesIn, d.BytesOut, d.Hour, measured)...)
}

func (m *model) netLines() []dialog.Line {
	lan := "on"
	if m.net.LANOff != "" {
		lan = "off: " + m.net.LANOff
	}
	lines := []dialog.Line{
		{Left: "LAN discovery", Right: lan},
		{Left: "people connected", Right: fmt.Sprint(m.net.Links)},
		{Left: "messages waiting", Right: fmt.Sprintf("%d here, %d in the mail network", m.net.Queued, m.net.Stored)},
	}
	lines = append(lines, trafficLines(m.net.BytesIn, m.net.BytesOut, m.net.Hour, m.net.Measured)...)
	lines = append(lines, mailLines(m.net.DHT, m.net.Measured)...)
	for i, a := range m.net.Addrs {
		if i == 0 {
			lines = append(lines, dialog.Line{}, dialog.Line{Left: "LISTENING AT", Head: true})
		}
		lines = append(lines, dialog.Line{Left: text.Name(a)})
	}
	for i, in := range m.net.Interfaces {
		if i == 0 {
			lines = append(lines, dialog.Line{}, dialog.Line{Left: "LOOKING FOR PEOPLE ON", Head: true})
		}
		what := strings.Join(in.Addrs, ", ")
		if in.Problem != "" {
			what = "✗ " + in.Problem
		}
		lines = append(lines, dialog.Line{Left: text.Name(in.Name), Right: text.Name(what)})
	}
	return lines
}

// trafficLines tell of bytes received and sent: in all, and in the last hour.
func trafficLines(in, out uint64, hour messenger.Traffic, measured time.Duration) []dialog.Line {
	lines := []dialog.Line{{Left: "received, sent", Right: size(in) + ", " + size(out) + " since the start"}}
	when := "in the last hour"
	switch {
	case measured < time.Minute:
		return lines // it would say the same
	case measured < time.Hour-time.Minute:
		when = fmt.Sprintf("in the last %d min", int(measured.Minutes()))
	}
	return append(lines, dialog.Line{Left: "of that", Right: size(hour.In) + ", " + size(hour.Out) + " " + when})
}

// size writes a number of bytes as people do; each unit is 1,024 times the one
// before, as in the settings.
func size(n uint64) string {
	switch {
	case n < 10_000:
		return fmt.Sprintf("%d B", n)
	case n < 10<<20:
		return fmt.Sprintf("%d kB", n>>10)
	}
	return fmt.Sprintf("%d MB", n>>20)
}
