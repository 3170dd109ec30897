package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/pelletier/go-toml/v2"
)

// contents is what may stand in the file.
type contents struct {
	Name          *string  `toml:"name"`
	Network       *string  `toml:"network"`
	Listen        []string `toml:"listen"`
	LAN           *bool    `toml:"lan"`
	Log           *string  `toml:"log"`
	LogLevel      *string  `toml:"log-level"`
	Seed          []string `toml:"seed"`
	Mouse         *bool    `toml:"mouse"`
	Notices       *string  `toml:"notices"`
	NoticeText    *string  `toml:"notice-text"`
	NoticeCommand []string `toml:"notice-command"`
	DHT           struct {
		Mode  *string `toml:"mode"`
		Store *string `toml:"store"`
	} `toml:"dht"`
	Theme theme `toml:"theme"`
}

// file is what stood in the file.
type file struct {
	data    []byte // nil: there is none
	values  map[string][]string
	colours map[string][]string
}

// where says where a key stands.
func (f file) where(key string) string {
	if s, err := parse(f.data); err == nil {
		if line := s.line(key); line > 0 {
			return fmt.Sprintf("%s, line %d, %s", FileName, line, key)
		}
	}
	return FileName + ", " + key
}

// readFile reads the configuration file, which need not exist.
func readFile(path string) (file, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return file{}, nil // whoever opens the profile says what is wrong with its directory
	}
	if err != nil {
		return file{}, &Error{FileName, err}
	}
	if data == nil {
		data = []byte{}
	}
	return decode(path, data)
}

// decode reads what stands in a file of that name.
func decode(path string, data []byte) (file, error) {
	f := file{data: data, values: make(map[string][]string)}
	var c contents
	if err := toml.NewDecoder(bytes.NewReader(data)).DisallowUnknownFields().Decode(&c); err != nil {
		return f, tomlError(path, err)
	}
	for name, v := range map[string]*string{
		"name": c.Name, "network": c.Network, "log": c.Log, "log-level": c.LogLevel, "dht": c.DHT.Mode, "dht-store": c.DHT.Store,
		"theme": c.Theme.Name, "notices": c.Notices, "notice-text": c.NoticeText,
	} {
		if v != nil {
			f.values[name] = []string{*v}
		}
	}
	for name, v := range map[string]*bool{"lan": c.LAN, "mouse": c.Mouse} {
		if v != nil {
			f.values[name] = []string{strconv.FormatBool(*v)}
		}
	}
	for name, v := range map[string][]string{"listen": c.Listen, "seed": c.Seed, "notice-command": c.NoticeCommand} {
		if len(v) > 0 {
			f.values[name] = v
		}
	}
	colours, key, err := c.Theme.own()
	if err != nil {
		return f, &Error{f.where(key), err}
	}
	f.colours = colours
	return f, nil
}

// tomlError tells the line.
func tomlError(path string, err error) error {
	var unknown *toml.StrictMissingError
	if errors.As(err, &unknown) && len(unknown.Errors) > 0 {
		line, _ := unknown.Errors[0].Position()
		key := strings.Join(unknown.Errors[0].Key(), ".")
		return &Error{fmt.Sprintf("%s, line %d", path, line), fmt.Errorf("no setting is called %q", key)}
	}
	var bad *toml.DecodeError
	if errors.As(err, &bad) {
		line, _ := bad.Position()
		return &Error{fmt.Sprintf("%s, line %d", path, line), errors.New(strings.TrimPrefix(bad.Error(), "toml: "))}
	}
	return &Error{path, err}
}
