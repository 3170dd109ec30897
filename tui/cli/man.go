package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func manCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "man [DIR]",
		Short: "Make the manual pages",
		Long: `dione man writes the manual pages, one for each command, into DIR, which is made if need be:

  dione man ~/.local/share/man/man1            then: man dione, man dione-send
  sudo dione man /usr/local/share/man/man1     for everybody

Without DIR it prints the page of dione itself: dione man | man -l -`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usageError{error: errors.New("man takes one directory at most")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				_, err := io.WriteString(cmd.OutOrStdout(), manPage(cmd.Root()))
				return err
			}
			return writeManPages(cmd.Root(), args[0])
		},
	}
}

// manuals returns the commands that have a page.
func manuals(root *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{root}
	for _, cmd := range root.Commands() {
		if !cmd.Hidden && cmd.Name() != "help" {
			all = append(all, cmd)
		}
	}
	return all
}

func writeManPages(root *cobra.Command, dir string) error {
	const hint = "choose another directory, or make it as somebody who may"
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return hinted{fmt.Errorf("write the manual: %w", err), hint}
	}
	for _, cmd := range manuals(root) {
		if err := os.WriteFile(filepath.Join(dir, manName(cmd)+".1"), []byte(manPage(cmd)), 0o644); err != nil {
			return hinted{fmt.Errorf("write the manual: %w", err), hint}
		}
	}
	return nil
}

// manName is what man finds the page of a command by.
func manName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

// manPage returns the page of a command in the language of man(7).
func manPage(cmd *cobra.Command) string {
	var b strings.Builder
	root := cmd.Root()
	fmt.Fprintf(&b, ".TH %s 1 \"\" \"dione %s\" \"dione\"\n", roff(strings.ToUpper(manName(cmd))), roff(version().Version))
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", roff(manName(cmd)), roff(lower(cmd.Short)))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n", roff(cmd.CommandPath()))
	if _, args, ok := strings.Cut(cmd.Use, " "); ok {
		b.WriteString(roff(args) + "\n")
	}
	b.WriteString("[\\fIflags\\fR]\n")
	if cmd == root {
		fmt.Fprintf(&b, ".br\n.B %s\n\\fIcommand\\fR [\\fIarguments\\fR] [\\fIflags\\fR]\n", roff(root.Name()))
	}
	b.WriteString(".SH DESCRIPTION\n")
	manText(&b, longOf(cmd))
	if cmd == root {
		b.WriteString(".SH COMMANDS\n")
		for _, c := range manuals(root)[1:] {
			fmt.Fprintf(&b, ".TP\n.B %s\n%s; see\n.BR %s (1).\n", roff(c.Use), roff(c.Short), roff(manName(c)))
		}
	}
	manFlags(&b, "FLAGS", cmd.LocalNonPersistentFlags())
	if cmd == root {
		manFlags(&b, "FLAGS OF ALL COMMANDS", root.PersistentFlags())
		b.WriteString(".SH ENVIRONMENT\nEach of these flags may come as a variable, such as \\fBDIONE_NAME\\fR or \\fBDIONE_DHT_STORE\\fR.\n" +
			".SH FILES\n.TP\n.I config.toml\nin the profile directory: settings, one a line, such as \\fBname = \"ann\"\\fR. A flag beats a variable, which beats this file.\n")
	}
	b.WriteString(".SH EXIT STATUS\n0 done, 1 failed, 2 usage, 3 not in time, 4 the profile is in use by another process.\n.SH SEE ALSO\n")
	if cmd != root {
		b.WriteString(".BR dione (1)\n")
	} else {
		b.WriteString("The guide, and how to write bots, in the folder docs of the source.\n")
	}
	return b.String()
}

func longOf(cmd *cobra.Command) string {
	if cmd.Long != "" {
		return cmd.Long
	}
	return cmd.Short + "."
}

// manText writes paragraphs. What is indented stays as it is.
func manText(b *strings.Builder, text string) {
	asIs := false
	for _, line := range strings.Split(text, "\n") {
		if indented := strings.HasPrefix(line, " "); indented != asIs && line != "" {
			asIs = indented
			if asIs {
				b.WriteString(".PP\n.nf\n")
			} else {
				b.WriteString(".fi\n.PP\n")
			}
		}
		switch {
		case line != "":
			b.WriteString(roff(line) + "\n")
		case !asIs:
			b.WriteString(".PP\n")
		}
	}
	if asIs {
		b.WriteString(".fi\n")
	}
}

func manFlags(b *strings.Builder, title string, flags *pflag.FlagSet) {
	any := false
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" || f.Name == "version" {
			return
		}
		if !any {
			fmt.Fprintf(b, ".SH %s\n", title)
			any = true
		}
		names := "--" + f.Name
		if f.Shorthand != "" {
			names = "-" + f.Shorthand + ", " + names
		}
		b.WriteString(".TP\n.B " + roff(names) + "\n" + roff(atHome(f.Usage)))
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "[]" {
			b.WriteString(" (" + roff(f.DefValue) + ")")
		}
		b.WriteString("\n")
	})
}

// atHome writes a path of whoever makes the page as everybody's.
func atHome(s string) string {
	if home, err := os.UserHomeDir(); err == nil && len(home) > 1 {
		s = strings.ReplaceAll(s, home+string(filepath.Separator), "~/")
	}
	return s
}

// lower begins a sentence in small letters, as the name line of a page wants
// it, unless its first word is all capitals.
func lower(s string) string {
	if len(s) > 1 && s[1] >= 'a' && s[1] <= 'z' {
		return strings.ToLower(s[:1]) + s[1:]
	}
	return s
}

// roff writes a line of text so that man shows it as it is: nothing in it is
// an escape, and its beginning no request.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, `-`, `\-`, `'`, `\(aq`, "`", `\(ga`, `^`, `\(ha`, `~`, `\(ti`, `"`, `\(dq`).Replace(s)
	if strings.HasPrefix(s, ".") {
		s = `\&` + s
	}
	return s
}
