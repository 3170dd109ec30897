// Package qr draws QR codes with half blocks, two modules above each other in
// one cell, so that a camera can read them from a terminal.
package qr

import (
	"fmt"
	"strings"

	"rsc.io/qr"
)

// quiet is how many modules of background surround a code. The standard asks
// for 4; cameras are content with 2, and an invitation then fits 80×24.
const quiet = 2

// Lines draws text. The blocks are the dark modules, for dark letters on a
// light background; inverted, they are the light ones, for light letters on a
// dark background. All lines are equally long.
//
// Text of digits, or of capital letters and digits, makes a smaller code.
func Lines(text string, inverted bool) ([]string, error) {
	code, err := qr.Encode(text, qr.L)
	if err != nil {
		return nil, fmt.Errorf("draw a QR code of %d characters: %w", len(text), err)
	}
	block := func(x, y int) bool {
		x, y = x-quiet, y-quiet
		inside := x >= 0 && y >= 0 && x < code.Size && y < code.Size
		if y >= code.Size+quiet {
			return false // the half of a cell below the last row
		}
		return (inside && code.Black(x, y)) != inverted
	}
	var lines []string
	for y := 0; y < code.Size+2*quiet; y += 2 {
		var b strings.Builder
		for x := range code.Size + 2*quiet {
			switch upper, lower := block(x, y), block(x, y+1); {
			case upper && lower:
				b.WriteRune('█')
			case upper:
				b.WriteRune('▀')
			case lower:
				b.WriteRune('▄')
			default:
				b.WriteByte(' ')
			}
		}
		lines = append(lines, b.String())
	}
	return lines, nil
}
