package plain

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

func TestLinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var opened string
		var refuse error
		r := begin(t, newFake(), Options{Open: func(_ context.Context, target string) error {
			opened = target
			return refuse
		}})
		expect(t, "/open of nothing", r.types("/open"), "error there is no link in this conversation — hint: links begin with https://, http://, mailto: or xmpp:; 1 is the newest")
		r.types("see https://a.example and https://b.example/x")
		expect(t, "/open", r.types("/open 2"), "info https://a.example")
		if opened != "https://a.example" {
			t.Errorf("opened %q", opened)
		}
		refuse = errors.New("no browser")
		expect(t, "/open that fails", r.types("/open"), "info https://b.example/x", "error no browser")
		expect(t, "/copy", r.types("/copy"), "error line mode has no clipboard — hint: /history prints the last messages, one a line")
		expect(t, "/edit", r.types("/edit"), "error line mode has no editor — hint: dione send NAME < FILE sends what you wrote elsewhere")
		r.end()
	})
	synctest.Test(t, func(t *testing.T) {
		r := begin(t, newFake(), Options{})
		r.types("https://a.example")
		expect(t, "/open without a screen", r.types("/open"), "info https://a.example")
		r.end()
	})
}
