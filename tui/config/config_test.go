package config

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// load loads with flags, variables and a file.
func load(t *testing.T, args []string, env map[string]string, file string) (Config, error) {
	t.Helper()
	home := t.TempDir()
	if file != "" {
		if err := os.WriteFile(filepath.Join(home, FileName), []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f := pflag.NewFlagSet("dione", pflag.ContinueOnError)
	AddFlags(f)
	if err := f.Parse(append([]string{"--home", home}, args...)); err != nil {
		t.Fatal(err)
	}
	return Load(f, func(k string) (string, bool) { v, ok := env[k]; return v, ok })
}

func TestPrecedence(t *testing.T) {
	file := "name = 'file'\nlan = false\nlisten = ['/ip4/10.0.0.1/tcp/1']\n"
	for _, tt := range []struct {
		name string
		args []string
		env  map[string]string
		file string
		want string
	}{
		{"default", nil, nil, "", ""},
		{"file", nil, nil, file, "file"},
		{"variable beats file", nil, map[string]string{"DIONE_NAME": "env"}, file, "env"},
		{"flag beats variable", []string{"--name", "flag"}, map[string]string{"DIONE_NAME": "env"}, file, "flag"},
	} {
		c, err := load(t, tt.args, tt.env, tt.file)
		if err != nil || c.Name != tt.want {
			t.Errorf("%s: name %q, %v; want %q", tt.name, c.Name, err, tt.want)
		}
	}
	c, err := load(t, []string{"--json", "--listen", "/ip4/127.0.0.1/tcp/0", "--listen", "/ip6/::1/tcp/0"}, nil, file)
	if err != nil || c.LAN || !c.Plain || len(c.Listen) != 2 {
		t.Errorf("LAN %v, plain %v, listen %v, %v", c.LAN, c.Plain, c.Listen, err)
	}
}

func TestBadSettings(t *testing.T) {
	for _, tt := range []struct {
		name string
		args []string
		env  map[string]string
		file string
		want string
	}{
		{"unknown key", nil, nil, "name = 'a'\ncolour = 'red'\n", `line 2: no setting is called "colour"`},
		{"broken file", nil, nil, "name = 'a'\nlan = \n", "line 2"},
		{"wrong type", nil, nil, "lan = 'maybe'\n", "line 1"},
		{"bad multiaddr", []string{"--listen", "localhost:80"}, nil, "", "--listen"},
		{"bad variable", nil, map[string]string{"DIONE_LAN": "perhaps"}, "", "DIONE_LAN"},
		{"bad level", []string{"--log-level", "loud"}, nil, "", "--log-level"},
	} {
		_, err := load(t, tt.args, tt.env, tt.file)
		var bad *Error
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want an Error with %q", tt.name, err, tt.want)
		}
	}
}

const (
	aSeed = "/ip4/203.0.113.7/tcp/4001/p2p/12D3KooWGC6Bo4EZ8HjvrvKyBzUqNd7jX1TXXUkZqRJwvSPuE7yX"
	bSeed = "/dns4/example.org/tcp/4001/p2p/12D3KooWGC6Bo4EZ8HjvrvKyBzUqNd7jX1TXXUkZqRJwvSPuE7yX"
)

// TestMail has the part in the mail network come from each of the places.
func TestMail(t *testing.T) {
	file := "seed = ['" + aSeed + "']\n[dht]\nmode = 'client'\nstore = '100 MB'\n"
	env := map[string]string{"DIONE_SEED": aSeed + "  " + bSeed, "DIONE_DHT": "server", "DIONE_DHT_STORE": "2GB"}
	for _, tt := range []struct {
		name  string
		args  []string
		env   map[string]string
		file  string
		mode  string
		store int64
		seeds []string
	}{
		{"default", nil, nil, "", "auto", 512 << 20, nil},
		{"file", nil, nil, file, "client", 100 << 20, []string{aSeed}},
		{"file with a table alone", nil, nil, "[dht]\nmode = 'off'\n", "off", 512 << 20, nil},
		{"variables", nil, env, file, "server", 2 << 30, []string{aSeed, bSeed}},
		{"flags", []string{"--dht", "off", "--dht-store=16777216", "--seed", bSeed, "--seed", aSeed}, env, file, "off", 16 << 20, []string{bSeed, aSeed}},
	} {
		c, err := load(t, tt.args, tt.env, tt.file)
		if err != nil || c.DHT != tt.mode || c.DHTStore != tt.store || !slices.Equal(c.Seeds, tt.seeds) {
			t.Errorf("%s: %s, %d, %q, %v; want %s, %d, %q", tt.name, c.DHT, c.DHTStore, c.Seeds, err, tt.mode, tt.store, tt.seeds)
		}
	}
}

func TestSizes(t *testing.T) {
	for _, tt := range []struct {
		size string
		want int64 // 0: refused
	}{
		{"512MB", 512 << 20}, {"512 MiB", 512 << 20}, {"512m", 512 << 20}, {"2GB", 2 << 30}, {"1TB", 1 << 40}, {"16384K", 16 << 20},
		{"16777216", 16 << 20}, {"16777216B", 16 << 20}, {"16777215", 0}, {"15MB", 0}, {"2TB", 0}, {"1025GB", 0}, {"9223372036854775807TB", 0},
		{"9223372036854775808", 0}, {"", 0}, {"MB", 0}, {"-1GB", 0}, {"1.5GB", 0}, {"1PB", 0}, {"1KMB", 0}, {"much", 0}, {"0x100000000", 0},
	} {
		c, err := load(t, []string{"--dht-store", tt.size}, nil, "")
		if tt.want == 0 && err == nil || tt.want != 0 && (err != nil || c.DHTStore != tt.want) {
			t.Errorf("%q is %d, %v; want %d", tt.size, c.DHTStore, err, tt.want)
		}
	}
}

func TestBadMail(t *testing.T) {
	for _, tt := range []struct {
		args []string
		env  map[string]string
		file string
		want string
	}{
		{[]string{"--dht=on"}, nil, "", `--dht: "on" is none of auto, server, client, off`},
		{nil, map[string]string{"DIONE_DHT": "Auto"}, "", `DIONE_DHT: "Auto" is none of auto, server, client, off`},
		{nil, nil, "[dht]\nmode = ''\n", `config.toml, line 2, dht.mode: "" is none of auto, server, client, off`},
		{nil, nil, "[dht]\nmode = true\n", `config.toml, line 2: `},
		{nil, nil, "dht = 'client'\n", `config.toml, line 1: `},
		{nil, nil, "name = 'a'\n[dht]\nspace = '1GB'\n", `config.toml, line 3: no setting is called "dht.space"`},
		{nil, nil, "[dht]\nstore = '1GB'\nseed = []\n", `config.toml, line 3: no setting is called "dht.seed"`},
		{[]string{"--dht-store=much"}, nil, "", `--dht-store: "much" is no size: write 512MB or 2GB`},
		{nil, map[string]string{"DIONE_DHT_STORE": "1"}, "", `DIONE_DHT_STORE: 1 is not between 16MB and 1TB`},
		{nil, nil, "[dht]\nstore = '5TB'\n", `config.toml, line 2, dht.store: 5TB is not between 16MB and 1TB`},
		{[]string{"--seed", "example.org:4001"}, nil, "", `--seed: "example.org:4001" is no multiaddr, such as /dns4/example.org/tcp/4001/p2p/12D3Koo…: `},
		{nil, map[string]string{"DIONE_SEED": aSeed + " /ip4/203.0.113.7/tcp/4001"}, "", `DIONE_SEED: "/ip4/203.0.113.7/tcp/4001" does not end in the node's ID, /p2p/12D3Koo…`},
		{nil, nil, "seed = ['']\n", `config.toml, line 1, seed: "" is no multiaddr`},
		{nil, nil, "seed = '" + aSeed + "'\n", `config.toml, line 1: `},
	} {
		_, err := load(t, tt.args, tt.env, tt.file)
		var bad *Error
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), tt.want) || bad.Hint() == "" {
			t.Errorf("%q, %q, %q: %v, want an Error with %q", tt.args, tt.env, tt.file, err, tt.want)
		}
	}
}
