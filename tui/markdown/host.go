package markdown

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxLabel and maxHost are the limits of the domain name system.
const (
	maxLabel = 63
	maxHost  = 253
)

// asciiHost returns a host as it is looked up: in small letters, and a label
// that is not ASCII in punycode. It refuses one that has letters which become
// other signs, such as a slash, when it is looked up.
func asciiHost(host string) (string, bool) {
	if isASCII(host) {
		ok := host != "" && !strings.ContainsFunc(host, func(r rune) bool { return !isHost(r) && strings.IndexByte(":[]", byte(r)) < 0 })
		return strings.ToLower(host), ok && strings.ContainsFunc(host, isDigitOrLetter)
	}
	host = norm.NFKC.String(strings.ToLower(norm.NFKC.String(host)))
	labels := strings.Split(strings.ReplaceAll(host, "。", "."), ".")
	for i, label := range labels {
		if strings.ContainsFunc(label, func(r rune) bool { return r < utf8.RuneSelf && !isHost(r) }) {
			return "", false
		}
		if !isASCII(label) {
			labels[i] = "xn--" + punycode(label)
		}
		if n := len(labels[i]); n > maxLabel || n == 0 && i < len(labels)-1 {
			return "", false
		}
	}
	host = strings.Join(labels, ".")
	return host, len(host) <= maxHost
}

func isHost(r rune) bool { return isDigitOrLetter(r) || r == '-' || r == '.' || r == '_' }

func isDigitOrLetter(r rune) bool {
	return r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

// punycode encodes a label of a host by RFC 3492.
func punycode(label string) string {
	const base, tMin, tMax, skew, damp = 36, 1, 26, 38, 700
	digit := func(d int) byte { return "abcdefghijklmnopqrstuvwxyz0123456789"[d] }
	runes := []rune(label)
	if len(runes) > maxLabel {
		runes = runes[:maxLabel+1] // it is refused for its length
	}
	var out []byte
	for _, r := range runes {
		if r < utf8.RuneSelf {
			out = append(out, byte(r))
		}
	}
	basic := len(out)
	done := basic
	if basic > 0 {
		out = append(out, '-')
	}
	n, delta, bias := rune(0x80), 0, 72
	for done < len(runes) {
		next := rune(unicode.MaxRune)
		for _, r := range runes {
			if r >= n {
				next = min(next, r)
			}
		}
		delta += int(next-n) * (done + 1)
		n = next
		for _, r := range runes {
			if r < n {
				delta++
			}
			if r != n {
				continue
			}
			q := delta
			for k := base; ; k += base {
				t := min(max(k-bias, tMin), tMax)
				if q < t {
					break
				}
				out = append(out, digit(t+(q-t)%(base-t)))
				q = (q - t) / (base - t)
			}
			out = append(out, digit(q))
			if done == basic {
				delta /= damp
			} else {
				delta /= 2
			}
			done++
			delta += delta / done
			bias = 0
			for ; delta > (base-tMin)*tMax/2; bias += base {
				delta /= base - tMin
			}
			bias += (base - tMin + 1) * delta / (delta + skew)
			delta = 0
		}
		delta++
		n++
	}
	return string(out)
}
