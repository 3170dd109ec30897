package cli

import (
	"fmt"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"

	"dione/tui/config"
	"dione/tui/record"
)

// protocol is the version of the bytes on the wire.
const protocol = "dione/1"

// versionInfo is what the build knows of itself.
type versionInfo struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"`
	Go       string `json:"go"`
	Protocol string `json:"protocol"`
}

// version reads what the compiler noted; it never fails.
func version() versionInfo {
	v := versionInfo{Version: "devel", Commit: "unknown", Protocol: protocol}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	v.Go = info.GoVersion
	if m := info.Main.Version; m != "" && m != "(devel)" {
		v.Version = m
	}
	changes := ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			v.Commit = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			changes = " and changes"
		}
	}
	v.Commit += changes
	return v
}

func (v versionInfo) String() string {
	return fmt.Sprintf("%s, commit %s, %s, protocol %s", v.Version, v.Commit, v.Go, v.Protocol)
}

// runVersion tells the version, whatever is wrong with the settings.
func runVersion(cmd *cobra.Command, _ []string) error {
	cfg, _ := config.Load(cmd.Flags(), os.LookupEnv) // --json, if that can be read
	if cfg.JSON {
		return record.JSON(cmd.OutOrStdout(), version())
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "dione %s\n", version())
	return err
}
