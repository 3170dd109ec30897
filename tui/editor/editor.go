// Package editor lets somebody write a text in the editor of their choice, by
// way of a private file that is gone afterwards, whatever happens.
package editor

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

const (
	// maxText bounds what is read back.
	maxText = 1 << 20

	// dirName begins the name of the directory of the file. What an editor puts
	// beside the file, such as a copy or a swap file, goes with it.
	dirName = "dione-edit-"
)

// Error says why there is no editing, and what to do.
type Error struct{ text, hint string }

// Error says what is wrong.
func (e *Error) Error() string { return e.text }

// Hint is the next step.
func (e *Error) Hint() string { return e.hint }

// Editing is one text in an editor.
type Editing struct {
	Cmd  *exec.Cmd // the editor; its owner runs it
	path string
	was  string
}

// New makes ready to edit text by $VISUAL, else $EDITOR. The file lies in
// $XDG_RUNTIME_DIR, which is memory and the user's alone, else in home.
// [Editing.Close] must follow.
func New(text, home string, env func(string) string) (*Editing, error) {
	words, err := command(env)
	if err != nil {
		return nil, err
	}
	e := &Editing{was: text}
	for _, parent := range []string{env("XDG_RUNTIME_DIR"), home} {
		if !filepath.IsAbs(parent) {
			continue
		}
		var dir string
		if dir, err = os.MkdirTemp(parent, dirName); err != nil {
			continue
		}
		e.path = filepath.Join(dir, "message.md")
		if err = os.WriteFile(e.path, []byte(text), 0o600); err == nil {
			e.Cmd = exec.Command(words[0], append(words[1:], e.path)...)
			return e, nil
		}
		err = errors.Join(err, os.RemoveAll(dir))
	}
	if err == nil {
		err = errors.New("neither XDG_RUNTIME_DIR nor the profile is a place for it")
	}
	return nil, fmt.Errorf("make a private file: %w", err)
}

// Close takes the text back and removes the file. Ran is what became of the
// editor: if it failed, the text is as it was.
func (e *Editing) Close(ran error) (text string, err error) {
	dir := filepath.Dir(e.path)
	defer func() {
		if gone := os.RemoveAll(dir); gone != nil {
			err = errors.Join(err, fmt.Errorf("remove what was edited: %w", gone))
		}
	}()
	if ran != nil {
		return e.was, fmt.Errorf("the editor failed, the text is as it was: %w", ran)
	}
	f, err := os.Open(e.path)
	if err != nil {
		return e.was, fmt.Errorf("read what was edited, the text is as it was: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	b, err := io.ReadAll(io.LimitReader(f, maxText+1))
	if err != nil {
		return e.was, fmt.Errorf("read what was edited, the text is as it was: %w", err)
	}
	if len(b) > maxText {
		end := maxText
		for end > 0 && !utf8.RuneStart(b[end]) {
			end--
		}
		b, err = b[:end], fmt.Errorf("cut after %d KiB: a message holds much less", maxText>>10)
	}
	text = strings.ReplaceAll(string(b), "\r\n", "\n")
	if !strings.HasSuffix(e.was, "\n") {
		text = strings.TrimSuffix(text, "\n") // which editors put at the end
	}
	return text, err
}

// Sweep removes what an editor has left in home that was ended with the
// machine.
func Sweep(home string) error {
	left, err := filepath.Glob(filepath.Join(home, dirName+"*"))
	for _, dir := range left {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	return err
}

// command returns the program of the editor and its arguments.
func command(env func(string) string) ([]string, error) {
	for _, name := range []string{"VISUAL", "EDITOR"} {
		line := strings.TrimSpace(env(name))
		if line == "" {
			continue
		}
		words := []string{line}
		path, err := exec.LookPath(line) // one with blanks in its name, perhaps
		if err != nil {
			words = split(line)
			path, err = exec.LookPath(words[0])
		}
		if err != nil && !errors.Is(err, exec.ErrDot) {
			return nil, &Error{
				fmt.Sprintf("the editor %s is not there: %v", words[0], reason(err)),
				fmt.Sprintf("set %s to one that is, such as: export %s=vi", name, name),
			}
		}
		words[0] = path
		return words, nil
	}
	return nil, &Error{"no editor is set", "set VISUAL or EDITOR before dione starts, such as: export EDITOR=nano"}
}

// reason is err without the name of the file, which is told already.
func reason(err error) error {
	var e *exec.Error
	if errors.As(err, &e) {
		err = e.Err
	}
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return err
}

// split divides a line into words as shells do, as far as single and double
// quotes. There is one word at least.
func split(line string) (words []string) {
	var word strings.Builder
	quote, begun := rune(0), false
	for _, r := range line {
		switch {
		case r == quote:
			quote = 0
		case quote == 0 && (r == '"' || r == '\''):
			quote, begun = r, true
		case quote == 0 && (r == ' ' || r == '\t'):
			if begun {
				words = append(words, word.String())
			}
			word.Reset()
			begun = false
		default:
			word.WriteRune(r)
			begun = true
		}
	}
	if begun || len(words) == 0 {
		words = append(words, word.String())
	}
	return words
}
