package vault

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"dione/crypto/kdf"
)

// cheap keeps the tests fast; its strength is nothing to copy.
var cheap = params{Memory: 64, Time: 1, Threads: 1}

func testKey(t testing.TB) Key {
	t.Helper()
	key, err := NewKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestKeysAreApart(t *testing.T) {
	key := testKey(t)
	pages, record := key.Pages(), kdf.Key(key[:], kdf.StoreRecord)
	if pages == record || pages == [Size]byte(key) {
		t.Error("two purposes share a key")
	}
	if again := key.Pages(); pages != again {
		t.Error("one purpose has two keys")
	}
}

func TestNewKeyNeedsRandomness(t *testing.T) {
	if _, err := NewKey(strings.NewReader("too short")); err == nil {
		t.Error("NewKey made a key of 9 random bytes")
	}
}

func TestKeysHide(t *testing.T) {
	key := Key(bytes.Repeat([]byte{0xab}, Size))
	type holder struct {
		Name string
		Key  Key
		File KeyFile
	}
	h := holder{"x", key, Clear(key)}
	var log bytes.Buffer
	timeless := &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{} // its digits can look like the key's
		}
		return a
	}}
	for _, handler := range []slog.Handler{slog.NewTextHandler(&log, timeless), slog.NewJSONHandler(&log, timeless)} {
		slog.New(handler).Info("m", "key", key, "pointer", &key, "holder", h, "file", h.File)
	}
	js, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]string{"slog": log.String(), "json": string(js)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%08b"} {
		shown[verb] = fmt.Sprintf(verb, key) + fmt.Sprintf(verb, &key) + fmt.Sprintf(verb, h) + fmt.Sprintf(verb, h.File)
	}
	for how, s := range shown {
		for _, leak := range []string{"abab", "ABAB", "171", "q6ur", "10101011", `\xab`} {
			if strings.Contains(s, leak) {
				t.Errorf("%s shows the key: %s", how, s)
			}
		}
	}
}

func TestKeyFile(t *testing.T) {
	key := testKey(t)
	wrapped, err := wrap(rand.Reader, key, []byte("correct horse"), cheap)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name       string
		file       KeyFile
		passphrase string
		needs      bool
		want       error
	}{
		{"clear", Clear(key), "", false, nil},
		{"clear, passphrase not needed", Clear(key), "x", false, nil},
		{"wrapped", wrapped, "correct horse", true, nil},
		{"wrong", wrapped, "correct horsf", true, ErrPassphrase},
		{"none", wrapped, "", true, ErrPassphrase},
	} {
		b, err := tt.file.Encode()
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		file, err := Decode(b)
		if err != nil {
			t.Fatalf("%s: Decode(%x): %v", tt.name, b, err)
		}
		if got := file.NeedsPassphrase(); got != tt.needs {
			t.Errorf("%s: NeedsPassphrase = %t", tt.name, got)
		}
		got, err := file.Open([]byte(tt.passphrase))
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: Open = %v, want %v", tt.name, err, tt.want)
		}
		if err == nil && got != key {
			t.Errorf("%s: Open returned another key", tt.name)
		}
	}
}

func TestWrapRefusesEmptyPassphrase(t *testing.T) {
	if _, err := Wrap(rand.Reader, testKey(t), nil); err == nil {
		t.Error("Wrap took an empty passphrase")
	}
}

// Whatever bit of a wrapped key file changes, it opens no more, and nothing
// else than the one key ever comes out.
func TestKeyFileTampered(t *testing.T) {
	key := testKey(t)
	wrapped, err := wrap(rand.Reader, key, []byte("p"), cheap)
	if err != nil {
		t.Fatal(err)
	}
	good, err := wrapped.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for i := range len(good) * 8 {
		bad := bytes.Clone(good)
		bad[i/8] ^= 1 << (i % 8)
		file, err := Decode(bad)
		if err != nil {
			continue
		}
		if _, err := file.Open([]byte("p")); !errors.Is(err, ErrPassphrase) {
			t.Errorf("bit %d changed: Open = %v, want %v", i, err, ErrPassphrase)
		}
	}
}

// A stranger's key file cannot make us spend more than it costs to say no.
func TestKeyFileBounds(t *testing.T) {
	key := testKey(t)
	head := func(p params) *header {
		return &header{Params: p, Salt: make([]byte, 16), Nonce: make([]byte, 24)}
	}
	box := make([]byte, 48)
	for name, f := range map[string]file{
		"version 0":        {Version: 0, Key: key[:]},
		"version 2":        {Version: 2, Key: key[:]},
		"nothing":          {Version: 1},
		"short key":        {Version: 1, Key: key[:31]},
		"key and box":      {Version: 1, Key: key[:], Box: box},
		"key and header":   {Version: 1, Key: key[:], Header: head(cheap), Box: box},
		"box alone":        {Version: 1, Box: box},
		"header alone":     {Version: 1, Header: head(cheap)},
		"short box":        {Version: 1, Header: head(cheap), Box: box[:47]},
		"short salt":       {Version: 1, Header: &header{cheap, make([]byte, 15), make([]byte, 24)}, Box: box},
		"short nonce":      {Version: 1, Header: &header{cheap, make([]byte, 16), make([]byte, 12)}, Box: box},
		"no memory":        {Version: 1, Header: head(params{0, 1, 1}), Box: box},
		"memory < 8 lanes": {Version: 1, Header: head(params{31, 1, 4}), Box: box},
		"512 MiB":          {Version: 1, Header: head(params{512 << 10, 1, 1}), Box: box},
		"all memory":       {Version: 1, Header: head(params{1<<32 - 1, 1, 1}), Box: box},
		"no pass":          {Version: 1, Header: head(params{64, 0, 1}), Box: box},
		"17 passes":        {Version: 1, Header: head(params{64, 17, 1}), Box: box},
		"no thread":        {Version: 1, Header: head(params{64, 1, 0}), Box: box},
		"255 threads":      {Version: 1, Header: head(params{1 << 16, 1, 255}), Box: box},
	} {
		b, err := KeyFile{&f}.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Decode(b); err == nil {
			t.Errorf("%s: Decode took %x", name, b)
		}
	}
	if _, err := Decode(make([]byte, 1<<20)); err == nil {
		t.Error("Decode took a file of 1 MiB")
	}
}

func TestRecords(t *testing.T) {
	key := testKey(t)
	records, err := key.Records()
	if err != nil {
		t.Fatal(err)
	}
	secret := []byte("seed")
	here := Place{Table: "identity", Row: 1, Epoch: 7}
	box, err := records.Seal(rand.Reader, secret, here)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := records.Open(box, here); err != nil || !bytes.Equal(got, secret) {
		t.Errorf("Open = %q, %v, want %q", got, err, secret)
	}
	for name, place := range map[string]Place{
		"table": {"identitz", 1, 7}, "longer table": {"identity\x00", 1, 7},
		"row": {"identity", 2, 7}, "epoch": {"identity", 1, 6}, "nothing": {},
	} {
		if _, err := records.Open(box, place); !errors.Is(err, ErrRecord) {
			t.Errorf("other %s: Open = %v, want %v", name, err, ErrRecord)
		}
	}
	for i := range box {
		bad := bytes.Clone(box)
		bad[i] ^= 1
		if _, err := records.Open(bad, here); !errors.Is(err, ErrRecord) {
			t.Errorf("byte %d changed: Open = %v, want %v", i, err, ErrRecord)
		}
		if _, err := records.Open(box[:i], here); !errors.Is(err, ErrRecord) {
			t.Errorf("%d bytes: Open = %v, want %v", i, err, ErrRecord)
		}
	}
	again, err := records.Seal(rand.Reader, secret, here)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(box, again) {
		t.Error("one nonce was used twice")
	}
	other, err := testKey(t).Records()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Open(box, here); !errors.Is(err, ErrRecord) {
		t.Errorf("other key: Open = %v, want %v", err, ErrRecord)
	}
}

func FuzzKeyFile(f *testing.F) {
	key := Key{1}
	wrapped, err := wrap(rand.Reader, key, []byte("p"), cheap)
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range []KeyFile{Clear(key), wrapped} {
		b, err := file.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		file, err := Decode(in)
		if err != nil {
			return
		}
		out, err := file.Encode()
		if err != nil || !bytes.Equal(out, in) {
			t.Errorf("accepted %x, which encodes as %x (%v)", in, out, err)
		}
		if !file.NeedsPassphrase() {
			if _, err := file.Open(nil); err != nil {
				t.Errorf("Open(%x): %v", in, err)
			}
		}
	})
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
