package vault

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"dione/crypto/kdf"
)

// vectorText is the part of crypto/PROTOCOL.md that this package obeys.
const vectorText = "" +
	"```vector vault data key\n" +
	"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n" +
	"```\n" +
	"```vector vault store db\n" +
	"2b2564e5029d4092fea223cdd65da721b0bffff4109e49911fb8a8a97dda9a83\n" +
	"```\n" +
	"```vector vault store record\n" +
	"96b0ba4be49a8cdbee283be51d86c0e27243df6f09ed7ea4b40a408e838ff1b1\n" +
	"```\n" +
	"```vector vault key file clear\n" +
	"a20101025820000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n" +
	"```\n" +
	"```vector vault key file wrapped\n" +
	"a3010103a301a3011a00010000020303040250202122232425262728292a2b2c2d2e2f03581830313233343536373839\n" +
	"3a3b3c3d3e3f4041424344454647045830de2ef07e5429e73a5df20e1df89f518e9b4ebd40623144143ced87ff258b66\n" +
	"f707754378f779ce9c936d7688a69ac817\n" +
	"```\n" +
	"```vector vault record\n" +
	"202122232425262728292a2b2c2d2e2f3031323334353637ab40fd621c9de9096703a19793a0b7a3aa7e4cb4\n" +
	"```\n"

// vectors reads the blocks "```vector vault NAME".
func vectors(tb testing.TB) map[string][]byte {
	tb.Helper()
	all := make(map[string][]byte)
	for _, m := range regexp.MustCompile("(?ms)^```vector vault ([^\n]+)\n(.*?)^```").FindAllStringSubmatch(vectorText, -1) {
		all[m[1]] = unhex(tb, m[2])
	}
	return all
}

// upFrom stands for a random source that counts up.
func upFrom(b byte) *strings.Reader {
	var s strings.Builder
	for range 64 {
		s.WriteByte(b)
		b++
	}
	return strings.NewReader(s.String())
}

func TestVectors(t *testing.T) {
	all := vectors(t)
	key, err := NewKey(upFrom(0))
	if err != nil {
		t.Fatal(err)
	}
	pages, record := key.Pages(), kdf.Key(key[:], kdf.StoreRecord)
	wrapped, err := Wrap(upFrom(0x20), key, []byte("correct horse"))
	if err != nil {
		t.Fatal(err)
	}
	records, err := key.Records()
	if err != nil {
		t.Fatal(err)
	}
	box, err := records.Seal(upFrom(0x20), []byte("seed"), Place{"identity", 1, 7})
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string][]byte{
		"data key":         key[:],
		"store db":         pages[:],
		"store record":     record[:],
		"key file clear":   encode(t, Clear(key)),
		"key file wrapped": encode(t, wrapped),
		"record":           box,
	} {
		if want := all[name]; !bytes.Equal(got, want) {
			t.Errorf("vector %s: got\n%x, want\n%x", name, got, want)
		}
		delete(all, name)
	}
	for name := range all {
		t.Errorf("vector %s of PROTOCOL.md is not tested", name)
	}
}

// A key file of the specification opens, whoever made it.
func TestVectorOpens(t *testing.T) {
	all := vectors(t)
	file, err := Decode(all["key file wrapped"])
	if err != nil {
		t.Fatal(err)
	}
	key, err := file.Open([]byte("correct horse"))
	if err != nil || !bytes.Equal(key[:], all["data key"]) {
		t.Errorf("Open = %v, another key or an error", err)
	}
}

func encode(t testing.TB, f KeyFile) []byte {
	t.Helper()
	b, err := f.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}
