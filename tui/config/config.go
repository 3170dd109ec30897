// Package config says how dione is to run: a flag beats a DIONE_ variable,
// which beats config.toml in the profile directory, which beats the default.
// It also knows where the profile directory is.
//
// It imports nothing of the program.
package config

import (
	"errors"
	"fmt"
	"log/slog"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/adrg/xdg"
	"github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
	"github.com/spf13/pflag"
)

// FileName is the configuration file's name in the profile directory.
const FileName = "config.toml"

// Config is how dione is to run.
type Config struct {
	Home           string                // profile directory
	Name           string                // own name for this run; "" is the profile's
	DefaultName    string                // own name of a new profile: the user's
	Network        string                // "main" unless it is a private one
	Listen         []multiaddr.Multiaddr // nil: all addresses
	LAN            bool                  // look for people on the LAN
	Seeds          []string              // multiaddrs of DHT nodes to begin with
	DHT            string                // "auto", "server", "client" or "off"
	DHTStore       int64                 // bytes of packages that are held for others
	Plain          bool                  // line mode
	JSON           bool                  // data as JSON
	Log            string                // file; "" is none
	LogLevel       slog.Level            //
	PassphraseFile string                // "" asks for it
	Screen         Screen                //

	origin map[string]string // by the names of settings: the flag or variable that says it, or the file
	read   []byte            // what stood in the file; nil: there was none
}

// setting is one thing that flag, variable and file can say. The name is that
// of the flag and of the key; the variable is DIONE_ and the name in capitals.
type setting struct {
	name   string
	help   string
	inFile bool
	set    func(c *Config, values []string) error
}

var settings = slices.Concat(nodeSettings, screenSettings)

var nodeSettings = []setting{
	{"name", "own name for this run", true, func(c *Config, v []string) error { c.Name = v[0]; return nil }},
	{"network", "name of the network; another one than main is private", true, func(c *Config, v []string) error {
		if v[0] == "" {
			return errors.New("a network needs a name")
		}
		c.Network = v[0]
		return nil
	}},
	{"listen", "multiaddr to listen at, such as /ip4/0.0.0.0/tcp/4001; may be given again", true, setListen},
	{"lan", "look for people on the LAN", true, func(c *Config, v []string) (err error) {
		c.LAN, err = parseBool(v[0])
		return err
	}},
	{"seed", "multiaddr of a node of the mail network to begin with; may be given again", true, setSeeds},
	{"dht", "part in the mail network: auto, server, client or off", true, oneOf(dhtModes, func(c *Config) *string { return &c.DHT })},
	{"dht-store", "space for packages of others, such as 512MB", true, func(c *Config, v []string) (err error) {
		c.DHTStore, err = parseSize(v[0])
		return err
	}},
	{"log", "write a log to this file", true, func(c *Config, v []string) error { c.Log = v[0]; return nil }},
	{"log-level", "debug, info, warn or error", true, func(c *Config, v []string) error {
		if c.LogLevel.UnmarshalText([]byte(v[0])) != nil {
			return fmt.Errorf("%q is none of debug, info, warn and error", v[0])
		}
		return nil
	}},
	{"passphrase-file", "read the passphrase from the first line of this file", false, func(c *Config, v []string) error { c.PassphraseFile = v[0]; return nil }},
	{"plain", "line mode: read lines, print a line per event", false, func(c *Config, v []string) (err error) {
		c.Plain, err = parseBool(v[0])
		return err
	}},
	{"json", "print data as JSON; implies --plain for the chat", false, func(c *Config, v []string) (err error) {
		c.JSON, err = parseBool(v[0])
		return err
	}},
}

func parseBool(s string) (bool, error) {
	b, err := strconv.ParseBool(s)
	if err != nil {
		return false, fmt.Errorf("%q is neither true nor false", s)
	}
	return b, nil
}

var dhtModes = []string{"auto", "server", "client", "off"}

// The least and the most space for packages of others.
const minStore, maxStore = 16 << 20, 1 << 40

// parseSize reads a number of bytes, with a unit of which each is 1,024 times
// the one before.
func parseSize(s string) (int64, error) {
	digits := strings.TrimRight(s, "KMGTBiIkmgtb ")
	unit := strings.ToUpper(strings.TrimSpace(s[len(digits):]))
	unit = strings.TrimSuffix(strings.TrimSuffix(unit, "B"), "I")
	power := strings.Index("KMGT", unit)
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || len(unit) > 1 || power < 0 {
		return 0, fmt.Errorf("%q is no size: write 512MB or 2GB", s)
	}
	bits := 0
	if unit != "" {
		bits = 10 * (power + 1)
	}
	n = max(0, min(n, maxStore>>bits+1)) << bits
	if n < minStore || n > maxStore {
		return 0, fmt.Errorf("%s is not between 16MB and 1TB", s)
	}
	return n, nil
}

func setSeeds(c *Config, values []string) error {
	for _, v := range values {
		a, err := multiaddr.NewMultiaddr(v)
		if err != nil {
			return fmt.Errorf("%q is no multiaddr, such as /dns4/example.org/tcp/4001/p2p/12D3Koo…: %w", v, err)
		}
		if _, err := a.ValueForProtocol(multiaddr.P_P2P); err != nil {
			return fmt.Errorf("%q does not end in the node's ID, /p2p/12D3Koo…", v)
		}
	}
	c.Seeds = values
	return nil
}

func setListen(c *Config, values []string) error {
	c.Listen = nil
	for _, v := range values {
		a, err := multiaddr.NewMultiaddr(v)
		if err != nil {
			return fmt.Errorf("%q is no multiaddr, such as /ip4/0.0.0.0/tcp/4001: %w", v, err)
		}
		if n, err := manet.ToNetAddr(a); err != nil || n.Network() != "tcp" {
			return fmt.Errorf("%q cannot be listened at: write /ip4/ADDRESS/tcp/PORT or /ip6/ADDRESS/tcp/PORT", v)
		}
		c.Listen = append(c.Listen, a)
	}
	return nil
}

// AddFlags declares the flags.
func AddFlags(f *pflag.FlagSet) {
	f.String("home", "", "profile directory (default "+defaultHome()+")")
	for _, s := range settings {
		switch s.name {
		case "listen", "seed":
			f.StringArray(s.name, nil, s.help)
		case "lan":
			f.Bool(s.name, true, s.help)
		case "plain", "json", "mouse":
			f.Bool(s.name, false, s.help)
		default:
			f.String(s.name, "", s.help)
		}
	}
}

// Error says which setting cannot be taken, and where it stands.
type Error struct {
	Where string // flag, variable, or file and line
	Err   error
}

func (e *Error) Error() string { return e.Where + ": " + e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// Hint tells the next step.
func (e *Error) Hint() string { return "change or remove it; dione --help lists the settings" }

// Load reads all of it. env is os.LookupEnv, or a test's. The Config that
// comes with an error holds what could be read.
func Load(f *pflag.FlagSet, env func(string) (string, bool)) (Config, error) {
	c := Config{Network: "main", LAN: true, DHT: "auto", DHTStore: 512 << 20, Home: defaultHome(), DefaultName: userName()}
	c.Screen = Screen{Theme: Themes[0], Notices: NoticeWays[0], NoticeText: NoticeTexts[0]}
	if v, ok := env("DIONE_HOME"); ok && v != "" {
		c.Home = v
	}
	if fl := f.Lookup("home"); fl != nil && fl.Changed {
		c.Home = fl.Value.String()
	}
	if c.Home == "" {
		return c, &Error{"--home", errors.New("a profile directory needs a name")}
	}
	home, err := filepath.Abs(c.Home)
	if err != nil {
		return c, fmt.Errorf("find the profile directory: %w", err)
	}
	c.Home = home
	file, err := readFile(filepath.Join(c.Home, FileName))
	c.read, c.Screen.Colours = file.data, file.colours
	c.origin = make(map[string]string)
	for _, s := range settings {
		where, values := s.find(f, env, file)
		if where == "" {
			continue
		}
		c.origin[s.name] = where
		if e := s.set(&c, values); e != nil && err == nil {
			if where == FileName {
				where = file.where(s.key())
			}
			err = &Error{where, e}
		}
	}
	if c.Screen.Notices == "command" && len(c.Screen.NoticeCommand) == 0 && err == nil {
		where := c.origin["notices"]
		if where == FileName {
			where = file.where("notices")
		}
		err = &Error{where, errors.New("no program is named: say which one with notice-command")}
	}
	c.Plain = c.Plain || c.JSON
	return c, err
}

// find returns where a setting is given, and what; "" if nowhere.
func (s setting) find(f *pflag.FlagSet, env func(string) (string, bool), file file) (where string, values []string) {
	if fl := f.Lookup(s.name); fl != nil && fl.Changed {
		if list, ok := fl.Value.(pflag.SliceValue); ok {
			return "--" + s.name, list.GetSlice()
		}
		if s.name == "notice-command" {
			return "--" + s.name, strings.Fields(fl.Value.String())
		}
		return "--" + s.name, []string{fl.Value.String()}
	}
	name := "DIONE_" + strings.ToUpper(strings.ReplaceAll(s.name, "-", "_"))
	if v, ok := env(name); ok && v != "" {
		if s.name == "listen" || s.name == "seed" || s.name == "notice-command" {
			return name, strings.Fields(v)
		}
		return name, []string{v}
	}
	if v, ok := file.values[s.name]; ok && s.inFile {
		return FileName, v
	}
	return "", nil
}

// key returns the setting's key in the file.
func (s setting) key() string {
	switch s.name {
	case "dht":
		return "dht.mode"
	case "dht-store":
		return "dht.store"
	case "theme":
		return "theme.name"
	}
	return s.name
}

// defaultHome is where a profile lies when nobody says otherwise.
func defaultHome() string { return filepath.Join(xdg.DataHome, "dione") }

// userName is what the system calls the user, "" if it does not know.
func userName() string {
	u, err := user.Current()
	if err != nil {
		return ""
	}
	name := u.Username
	if i := strings.LastIndexByte(name, '\\'); i >= 0 {
		name = name[i+1:] // DOMAIN\user of Windows
	}
	return name
}
