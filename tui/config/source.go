package config

import (
	"bytes"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// entry is one key of the file and where its value stands.
type entry struct {
	key      string // of the whole file, such as "dht.mode"
	from, to int    // the bytes of the value
	inline   bool   // the value is a table in braces
	top      bool   // it stands before all tables
}

// source is where things stand in a file that was read.
type source struct {
	data    []byte
	entries []entry
	heads   []entry // tables: key, and the bytes of their lines without the end
}

// parse finds the entries of a file.
func parse(data []byte) (*source, error) {
	s := &source{data: data}
	var p unstable.Parser
	p.Reset(data)
	table := ""
	for p.NextExpression() {
		switch e := p.Expression(); e.Kind {
		case unstable.Table, unstable.ArrayTable:
			table = keyOf(e.Key())
			at := first(e.Key())
			from := bytes.LastIndexByte(data[:at], '\n') + 1
			s.heads = append(s.heads, entry{key: table, from: from, to: lineEnd(data, at)})
		case unstable.KeyValue:
			s.add(table, e)
		}
	}
	return s, p.Error()
}

func (s *source) add(table string, e *unstable.Node) {
	key := keyOf(e.Key())
	if table != "" {
		key = table + "." + key
	}
	v := e.Value()
	from := 0 // of the value, behind the last key and the sign
	for it := e.Key(); it.Next(); {
		from = int(it.Node().Raw.Offset + it.Node().Raw.Length)
	}
	from += len(s.data[from:]) - len(bytes.TrimLeft(s.data[from:], " \t="))
	s.entries = append(s.entries, entry{
		key: key, from: from, to: int(e.Raw.Offset + e.Raw.Length), inline: v.Kind == unstable.InlineTable, top: len(s.heads) == 0,
	})
	if v.Kind == unstable.InlineTable {
		for it := v.Children(); it.Next(); {
			if it.Node().Kind == unstable.KeyValue {
				s.add(key, it.Node())
			}
		}
	}
}

func keyOf(it unstable.Iterator) string {
	var parts []string
	for it.Next() {
		parts = append(parts, string(it.Node().Data))
	}
	return strings.Join(parts, ".")
}

func first(it unstable.Iterator) int {
	it.Next()
	return int(it.Node().Raw.Offset)
}

// lineEnd is where the line ends in which at is.
func lineEnd(data []byte, at int) int {
	if i := bytes.IndexByte(data[at:], '\n'); i >= 0 {
		return at + i
	}
	return len(data)
}

// find returns the entry of a key, nil if there is none.
func find(entries []entry, key string) *entry {
	for i := range entries {
		if entries[i].key == key {
			return &entries[i]
		}
	}
	return nil
}

// line is the number of the line in which a key stands, 0 if in none.
func (s *source) line(key string) int {
	if e := find(s.entries, key); e != nil {
		return 1 + bytes.Count(s.data[:e.from], []byte("\n"))
	}
	return 0
}
