package config

import (
	"errors"
	"os"
	"path/filepath"
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
