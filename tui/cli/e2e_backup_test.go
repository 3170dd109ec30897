package cli_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// backUpAndRestore loses ann's profile and makes it anew out of a backup, which
// is as old as the profile or older: they talk again, what waited arrives, and
// nothing comes twice.
func backUpAndRestore(t *testing.T, bin string) {
	for name, older := range map[string]bool{"the newest": false, "an older one": true} {
		t.Run(name, func(t *testing.T) {
			lab := twoNetworks(t)
			annHome, bobHome := newHome(t, bin, lab.Host(0), "ann"), newHome(t, bin, lab.Host(2), "bob")
			listen := []string{"--listen", "/ip4/" + lab.Host(2).Addr4(1).String() + "/tcp/4001"}
			ann, bob := annHome.start(), bobHome.start(listen...)
			annID, bobID := ann.peer(), bob.peer()
			ann.say("/add "+bob.address("/ip4/"), "/msg "+bobID+" one")
			bob.await("a request", func(l line) bool { return l.Kind == "request" })
			bob.say("/accept ann", "/msg ann two")
			ann.awaitText("two")
			ann.awaitDelivered("one")
			ann.say("/petname bob bobby", "/verify bobby done")
			ann.awaitInfo(0, "is verified")
			bob.quit()
			ann.await("bob gone", func(l line) bool { return l.Kind == "gone" })
			ann.say("/msg " + bobID + " waits in the backup")
			ann.await("sent", func(l line) bool { return l.Kind == "sent" && l.Text == "waits in the backup" })

			dir := filepath.Dir(annHome.dir)
			pass, file := filepath.Join(dir, "pass"), filepath.Join(dir, "backup")
			if err := os.WriteFile(pass, []byte("correct horse battery staple\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			args := []string{file, "--backup-passphrase-file", pass}
			if !older { // while it runs, or after
				ann.quit()
			}
			if out, err := annHome.command(append([]string{"export"}, args...)...).CombinedOutput(); err != nil {
				t.Fatalf("dione export: %v, %s", err, out)
			}
			if older {
				ann.quit()
			}
			want := []string{"one", "two", "waits in the backup", "bob writes meanwhile", "ann is back", "bob is glad"}
			if older { // what waits there arrives, and more is written
				ann, bob = annHome.start(), bobHome.start(listen...)
				bob.awaitText("waits in the backup")
				ann.awaitNear("bobby")
				ann.say("/msg " + bobID + " not in the backup")
				bob.awaitText("not in the backup")
				ann.awaitDelivered("not in the backup")
				want = slices.Insert(want, 3, "not in the backup")
				bob.quit()
				ann.quit()
			}

			if err := os.RemoveAll(annHome.dir); err != nil {
				t.Fatal(err)
			}
			if out, err := annHome.command(append([]string{"import"}, args...)...).CombinedOutput(); err != nil || !strings.Contains(string(out), "1 person and 3 messages, 1 of them to be sent") {
				t.Fatalf("dione import: %v, %s", err, out)
			}
			if out, err := annHome.command("peers", "--json").Output(); err != nil || !strings.Contains(string(out), `"name":"bobby"`) || !strings.Contains(string(out), `"standing":"accepted","verified":true`) {
				t.Errorf("dione peers: %s, %v", out, err)
			}
			bob = bobHome.start(listen...)
			bob.say("/msg " + annID + " bob writes meanwhile")
			bob.await("sent", func(l line) bool { return l.Kind == "sent" })
			ann = annHome.start()
			ann.awaitInfo(0, "this profile is that of a backup of")
			if got := ann.peer(); got != annID {
				t.Errorf("ann is %s now, she was %s", got, annID)
			}
			ann.awaitText("bob writes meanwhile")
			bob.awaitInfo(0, "set up anew: their profile is an older copy of itself, or has lost it")
			if !older {
				bob.awaitText("waits in the backup")
			}
			ann.say("/msg bobby ann is back")
			bob.awaitText("ann is back")
			bob.say("/msg ann bob is glad")
			ann.awaitText("bob is glad")
			ann.awaitDelivered("ann is back")
			bob.awaitDelivered("bob writes meanwhile")
			ann.quit()
			bob.quit()

			got := historyTexts(t, bobHome, annID)
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("bob has %q, want %q", got, want)
			}
			annHas := historyTexts(t, annHome, bobID)
			slices.Sort(annHas)
			want = slices.DeleteFunc(want, func(s string) bool { return s == "not in the backup" })
			if !slices.Equal(annHas, want) {
				t.Errorf("ann has %q, want %q", annHas, want)
			}
		})
	}
}
