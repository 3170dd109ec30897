package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"dione/net/messenger"
	"dione/net/node"
	"dione/store"
	"dione/tui/config"
	"dione/tui/control"
	"dione/tui/record"
	"dione/tui/text"
)

// completeTime bounds what Tab in a shell waits for.
const completeTime = time.Second

var shells = []string{"bash", "zsh", "fish", "powershell"}

func completionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: "Make Tab complete commands, flags and people in your shell",
		Long: `dione completion prints what bash, zsh, fish or powershell reads to complete what you type:

  bash         dione completion bash > ~/.local/share/bash-completion/completions/dione
  zsh          dione completion zsh > "${fpath[1]}/_dione"
  fish         dione completion fish > ~/.config/fish/completions/dione.fish
  powershell   dione completion powershell >> $PROFILE

bash needs its package bash-completion. It takes effect in the next shell.
The names of people come from the profile on this disk; a locked one is not asked to open.`,
		ValidArgs: shells,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || !slices.Contains(shells, args[0]) {
				return usageError{fmt.Errorf("completion needs a shell: bash, zsh, fish or powershell"), "dione completion --help tells where to put what it prints"}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			root, out := cmd.Root(), cmd.OutOrStdout()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(out, true)
			case "zsh":
				return root.GenZshCompletion(out)
			case "fish":
				return root.GenFishCompletion(out, true)
			}
			return root.GenPowerShellCompletionWithDesc(out)
		},
	}
}

// words are the values that flags take. What other flags take cannot be known,
// but for the names of files.
var words = map[string][]cobra.Completion{
	"dht":       {"auto", "server", "client", "off"},
	"log-level": {"debug", "info", "warn", "error"},
	"wait":      {"queued", "stored", "delivered"},

	"theme":       config.Themes,
	"notices":     config.NoticeWays,
	"notice-text": config.NoticeTexts,
}

// addCompletions says what follows the flags and commands of root.
func addCompletions(root *cobra.Command) {
	root.ValidArgsFunction = cobra.NoFileCompletions
	completeFlags(root, root.PersistentFlags())
	must(root.MarkPersistentFlagDirname("home"))
	for _, cmd := range root.Commands() {
		completeFlags(cmd, cmd.Flags())
		switch name := cmd.Name(); {
		case name == "send" || name == "history":
			cmd.ValidArgsFunction = completePeer
		case name == "export" || name == "import" || name == "man": // a file, a directory
		case cmd.ValidArgs == nil && cmd.ValidArgsFunction == nil:
			cmd.ValidArgsFunction = cobra.NoFileCompletions
		}
	}
}

func completeFlags(cmd *cobra.Command, flags *pflag.FlagSet) {
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Name != "home" && f.Name != "log" && !strings.HasSuffix(f.Name, "-file") {
			must(cmd.RegisterFlagCompletionFunc(f.Name, cobra.FixedCompletions(words[f.Name], cobra.ShellCompDirectiveNoFileComp)))
		}
	})
}

// must is for what only a mistake in this program makes fail.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// completePeer offers the room and the people of the profile, as the first
// argument of a command.
func completePeer(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	all := []cobra.Completion{cobra.CompletionWithDesc(messenger.Room.String(), "everybody near")}
	if cfg, err := config.Load(cmd.Flags(), os.LookupEnv); err == nil {
		all = append(all, completePeople(cmd, cfg)...)
	}
	return all, cobra.ShellCompDirectiveNoFileComp
}

// completePeople returns the names of the people of a profile, none if that
// takes long or a passphrase. It makes no profile.
func completePeople(cmd *cobra.Command, cfg config.Config) (all []cobra.Completion) {
	ctx, cancel := context.WithTimeout(context.Background(), completeTime)
	defer cancel()
	var people []record.Person
	add := func(p record.Person) error {
		people = append(people, p)
		return nil
	}
	req := control.Request{What: control.Peers}
	err := control.Ask(ctx, cfg.Home, req, func(b json.RawMessage) error { return decoder(add)(b) })
	if err != nil {
		people = nil
		if s := openQuietly(ctx, cmd, cfg); s != nil {
			_ = control.Answer(ctx, s.messenger, req, func(r any) error { return add(r.(record.Person)) }) // fewer names are no harm
			_ = s.close()
		}
	}
	names := make(map[string]int)
	for _, p := range people {
		names[p.Name]++
	}
	for _, p := range people {
		name, where := p.Name, p.Path
		if names[name] > 1 {
			name += "." + p.Tag
		}
		if where == "" {
			where = "away"
		}
		if name != "" && name == text.Line(name) {
			all = append(all, cobra.CompletionWithDesc(name, "·"+p.Tag+" "+where))
		}
	}
	return all
}

// openQuietly opens a profile to read in it, nil if there is none, it is in use
// or would ask for a passphrase.
func openQuietly(ctx context.Context, cmd *cobra.Command, cfg config.Config) *session {
	if there, err := store.HasDatabase(cfg.Home); err != nil || !there {
		return nil
	}
	p, err := store.OpenProfile(cfg.Home)
	if err != nil {
		return nil
	}
	asks := p.NeedsPassphrase() && cfg.PassphraseFile == ""
	if err := p.Close(); err != nil || asks {
		return nil
	}
	cfg.DHT, cfg.Log = string(node.Off), ""
	s, err := open(ctx, cmd, cfg)
	if err != nil {
		return nil
	}
	return s
}
