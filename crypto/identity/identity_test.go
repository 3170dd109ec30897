package identity

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// TestPeerID takes the key of the libp2p specification of peer IDs.
func TestPeerID(t *testing.T) {
	key, err := hex.DecodeString("1ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e")
	if err != nil {
		t.Fatal(err)
	}
	id, err := FromBytes(key)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := id.String()+" "+id.LongTag(), "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq s4q6jwi2"; got != want {
		t.Errorf("peer ID and tag are %s, want %s", got, want)
	}
	again, err := Parse(id.String())
	if err != nil || again != id {
		t.Errorf("Parse(%s) = %x, %v", id, again, err)
	}
	if len(id.Tag()) != 4 || len(id.LongTag()) != 8 || !strings.HasPrefix(id.LongTag(), id.Tag()) || !strings.HasSuffix(id.String(), id.Short()) {
		t.Errorf("tag %q, long tag %q, short %q", id.Tag(), id.LongTag(), id.Short())
	}
	text, err := json.Marshal(map[string]ID{"peer": id})
	if err != nil {
		t.Fatal(err)
	}
	var back map[string]ID
	if err := json.Unmarshal(text, &back); err != nil || back["peer"] != id {
		t.Errorf("%s came back as %v, %v", text, back, err)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, s := range []string{
		"", "bob", "12D3KooW", "0OIl", strings.Repeat("1", 65), strings.Repeat("z", 1000),
		"QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N",        // of an RSA key
		"16Uiu2HAmLhLvBoYaoZfaMUKuibM6ac163GwKY74c5kiSLg5KvLpY", // of a secp256k1 key
	} {
		if id, err := Parse(s); err == nil {
			t.Errorf("Parse(%q) = %v", s, id)
		}
	}
}

func TestKeyHidesItself(t *testing.T) {
	key, err := Generate(bytes.NewReader(bytes.Repeat([]byte{0xab}, Size)))
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "key", key, "in", struct{ K Key }{key})
	text, err := json.Marshal(struct{ K Key }{key})
	if err != nil {
		t.Fatal(err)
	}
	all := fmt.Sprintf("%v %+v %#v %x %s %d", key, key, key, key, key, key) + log.String() + string(text)
	for _, secret := range []string{"abab", "0xab", "171 171", "171,171", "q6ur"} { // as the verbs and encodings would show it
		if strings.Contains(all, secret) {
			t.Errorf("%q shows the key: %s", secret, all)
		}
	}
}

func TestSign(t *testing.T) {
	key, err := Generate(bytes.NewReader(bytes.Repeat([]byte{1}, Size)))
	if err != nil {
		t.Fatal(err)
	}
	sig := key.Sign([]byte("hello"))
	if !key.ID().Verify([]byte("hello"), sig) || key.ID().Verify([]byte("hullo"), sig) {
		t.Error("signatures are not checked")
	}
	again, err := FromSeed(key.Seed())
	if err != nil || again.ID() != key.ID() {
		t.Errorf("the seed gives another key: %v", err)
	}
	if _, err := FromSeed([]byte("short")); err == nil {
		t.Error("a short seed was taken")
	}
	if _, err := Generate(bytes.NewReader(nil)); err == nil {
		t.Error("a key was made of nothing")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(ID{1, 2, 3}.String())
	f.Add("12D3KooW")
	f.Fuzz(func(t *testing.T, s string) {
		if id, err := Parse(s); err == nil && id.String() != s {
			t.Errorf("accepted %q, which is written %q", s, id)
		}
	})
}
