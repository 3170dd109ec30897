package config

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// This file changes one setting in the text of a configuration file, and
// leaves every other byte of it as the user wrote it.

// edit returns data with the value of key changed, or the key added where it
// belongs. The value is written in TOML.
func edit(data []byte, key, value string) ([]byte, error) {
	s, err := parse(data)
	if err != nil {
		return nil, err
	}
	eol := "\n"
	if bytes.Contains(data, []byte("\r\n")) {
		eol = "\r\n"
	}
	if e := find(s.entries, key); e != nil {
		return splice(data, e.from, e.to, likeBefore(data[e.from:e.to], value)), nil
	}
	table, name, inTable := strings.Cut(key, ".")
	if !inTable {
		return s.addOnTop(key+" = "+value, eol), nil
	}
	if e := find(s.entries, table); e != nil {
		if !e.inline {
			return nil, fmt.Errorf("%s is no table", table)
		}
		more := ","
		if data[e.from+1+len(data[e.from+1:])-len(bytes.TrimLeft(data[e.from+1:], " \t\r\n"))] == '}' {
			more = " "
		}
		return splice(data, e.from+1, e.from+1, " "+name+" = "+value+more), nil
	}
	if h := find(s.heads, table); h != nil {
		return insertLine(data, h.to, name+" = "+value, eol), nil
	}
	if slices.ContainsFunc(s.entries, func(e entry) bool { return strings.HasPrefix(e.key, table+".") }) {
		return s.addOnTop(key+" = "+value, eol), nil // a table whose keys are written so has no head
	}
	line := "[" + table + "]" + eol + name + " = " + value
	if len(bytes.TrimSpace(data)) > 0 {
		line = eol + line
	}
	return insertLine(data, len(data), line, eol), nil
}

// addOnTop adds a line to those before the first table: behind the last key
// that is there, or else before the table and its comment.
func (s *source) addOnTop(line, eol string) []byte {
	last := -1
	for _, e := range s.entries {
		if e.top {
			last = max(last, e.to)
		}
	}
	switch {
	case last >= 0:
		return insertLine(s.data, lineEnd(s.data, last), line, eol)
	case len(s.heads) == 0:
		return insertLine(s.data, len(s.data), line, eol)
	}
	at := s.heads[0].from
	for at > 0 {
		start := bytes.LastIndexByte(s.data[:at-1], '\n') + 1
		if !bytes.HasPrefix(bytes.TrimLeft(s.data[start:at], " \t"), []byte("#")) {
			break
		}
		at = start
	}
	return splice(s.data, at, at, line+eol+eol)
}

// insertLine puts a line behind the one that ends at a place.
func insertLine(data []byte, end int, line, eol string) []byte {
	if end < len(data) {
		return splice(data, end+1, end+1, line+eol)
	}
	if end > 0 && data[end-1] != '\n' {
		line = eol + line
	}
	return splice(data, end, end, line+eol)
}

func splice(data []byte, from, to int, s string) []byte {
	return slices.Concat(data[:from], []byte(s), data[to:])
}

// likeBefore keeps the quotes that the user likes.
func likeBefore(was []byte, value string) string {
	body, quoted := strings.CutPrefix(value, `"`)
	body = strings.TrimSuffix(body, `"`)
	if quoted && bytes.HasPrefix(was, []byte("'")) && !strings.ContainsAny(body, `'\`) {
		return "'" + body + "'"
	}
	return value
}

// quote writes a string in TOML.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// changed returns the file with a setting changed. It is read again, so that
// nothing is written which could not be.
func changed(data []byte, s setting, value string) ([]byte, error) {
	text := quote(value)
	if s.name == "mouse" || s.name == "lan" {
		text = value
	}
	out, err := edit(data, s.key(), text)
	if err != nil {
		return nil, err
	}
	f, err := decode(FileName, out)
	if err != nil {
		return nil, err
	}
	if got := f.values[s.name]; len(got) != 1 || got[0] != value {
		return nil, errors.New("it is written in a way that dione cannot change: change it there by hand")
	}
	return out, nil
}
