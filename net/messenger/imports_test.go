package messenger

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// arrows says which packages of the program each of them may import. What is
// not listed is forbidden; "x/*" stands for everything below x.
var arrows = []struct {
	from string
	to   []string
}{
	{"dione", []string{"dione/tui/cli"}},
	{"dione/docs/*", nil},
	{"dione/internal/vectors", nil},

	{"dione/crypto/cborx", nil},
	{"dione/crypto/identity", []string{"dione/crypto/kdf"}},
	{"dione/crypto/kdf", nil},
	{"dione/crypto/*", []string{"dione/crypto/*"}},

	{"dione/store", []string{"dione/crypto/cborx", "dione/crypto/identity", "dione/crypto/vault"}},

	{"dione/net/wire", []string{"dione/crypto/cborx", "dione/crypto/identity", "dione/crypto/parcel"}},
	{"dione/net/secure", []string{"dione/crypto/*"}},
	{"dione/net/swarm", []string{"dione/crypto/handshake", "dione/crypto/identity", "dione/net/address", "dione/net/secure", "dione/net/wire"}},
	{"dione/net/address", []string{"dione/crypto/identity"}},
	{"dione/net/lan", []string{"dione/crypto/identity", "dione/net/wire"}},
	{"dione/net/dht", []string{"dione/crypto/*"}},
	{"dione/net/dht/*", []string{"dione/crypto/*", "dione/net/dht"}},
	{"dione/net/mailbox", []string{"dione/crypto/*", "dione/net/dht"}},
	{"dione/net/mailbox/*", []string{"dione/crypto/*", "dione/net/dht", "dione/net/sim"}},
	{"dione/net/node", []string{"dione/crypto/*", "dione/net/address", "dione/net/dht", "dione/net/secure", "dione/net/wire", "dione/store"}},
	{"dione/net/sim/netns", nil},
	{"dione/net/sim", []string{"dione/crypto/*", "dione/net/dht"}},
	{"dione/net/sim/*", []string{"dione/crypto/*", "dione/net/dht", "dione/net/sim"}},
	{"dione/net/messenger", []string{"dione/crypto/*", "dione/net/address", "dione/net/dht", "dione/net/lan", "dione/net/mailbox", "dione/net/node", "dione/net/secure", "dione/net/swarm", "dione/net/wire", "dione/store"}},

	{"dione/tui/text", nil},
	{"dione/tui/file", nil},
	{"dione/tui/config", nil},
	{"dione/tui/command", nil},
	{"dione/tui/theme", nil},
	{"dione/tui/cli", []string{"dione/*"}},
	{"dione/tui/control", []string{"dione/crypto/identity", "dione/net/messenger", "dione/tui/record"}},
	{"dione/tui/record", []string{"dione/net/messenger", "dione/crypto/identity", "dione/tui/text"}},
	{"dione/tui/plain", []string{"dione/net/messenger", "dione/crypto/identity", "dione/tui/browse", "dione/tui/amend", "dione/tui/command", "dione/tui/file", "dione/tui/record", "dione/tui/text"}},
	{"dione/tui/dialog", []string{"dione/tui/composer", "dione/tui/qr", "dione/tui/theme", "dione/tui/text"}},
	{"dione/tui/amend", []string{"dione/net/messenger", "dione/tui/command"}},
	{"dione/tui/browse", []string{"dione/net/messenger", "dione/tui/markdown", "dione/tui/text"}},
	{"dione/tui/markdown", []string{"dione/tui/text"}},
	{"dione/tui/chat", []string{"dione/net/messenger", "dione/crypto/identity", "dione/tui/markdown", "dione/tui/theme", "dione/tui/text"}},
	{"dione/tui", []string{"dione/net/messenger", "dione/crypto/identity", "dione/tui/*"}},
	{"dione/tui/*", []string{"dione/net/messenger", "dione/crypto/identity", "dione/tui/theme", "dione/tui/text", "dione/tui/command", "dione/tui/qr"}},
}

// outside says what the pure half of the program may not touch: crypto has no
// sockets, files or programs, and store no network.
var outside = map[string][]string{
	"dione/crypto/": {"net", "net/http", "os", "os/exec", "syscall", "golang.org/x/sys/unix"},
	"dione/store":   {"net", "net/http"},
}

func TestImportDirection(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "dione/...").Output()
	if err != nil {
		t.Skipf("go list is needed to read the imports: %v", err)
	}
	seen := 0
	for line := range strings.Lines(string(out)) {
		pkg, imports, _ := strings.Cut(strings.TrimSpace(line), " ")
		allowed, ok := allowedFor(pkg)
		if !ok {
			t.Errorf("%s has no rule: say in this test what it may import", pkg)
			continue
		}
		for imp := range strings.FieldsSeq(imports) {
			seen++
			if strings.HasPrefix(imp, "dione/") && !slices.ContainsFunc(allowed, func(p string) bool { return matches(p, imp) }) {
				t.Errorf("%s imports %s, which the architecture forbids", pkg, imp)
			}
			for prefix, banned := range outside {
				if strings.HasPrefix(pkg, prefix) && slices.Contains(banned, imp) {
					t.Errorf("%s imports %s: it is meant to be pure", pkg, imp)
				}
			}
		}
	}
	if seen == 0 {
		t.Error("go list told of no import at all")
	}
}

func allowedFor(pkg string) ([]string, bool) {
	for _, a := range arrows {
		if matches(a.from, pkg) {
			return a.to, true
		}
	}
	return nil, false
}

func matches(pattern, pkg string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(pkg, prefix)
	}
	return pkg == pattern
}
