package messenger

import (
	"errors"
	"testing"

	"dione/crypto/identity"
)

// TestMute mutes a chat in which nothing was written yet, over a restart.
func TestMute(t *testing.T) {
	dir := t.TempDir()
	ann := startEngine(t, dir, "ann")
	bob := startEngine(t, t.TempDir(), "bob")
	meet(ann, bob)
	in := chatWith(bob)
	if err := ann.Mute(t.Context(), in, Forever); err != nil {
		t.Fatal(err)
	}
	await(ann, "the mute", func(ev ChatMuted) bool { return ev.Info.Chat == in && ev.Info.MutedUntil == Forever })
	if err := ann.Mute(t.Context(), Room, 1); err != nil {
		t.Fatal(err)
	}
	var unknown *UnknownPersonError
	if err := ann.Mute(t.Context(), Chat{Peer: identity.ID{1}}, 1); !errors.As(err, &unknown) {
		t.Errorf("muting a stranger: %v", err)
	}
	ann.stop()
	ann = startEngine(t, dir, "ann")
	infos, err := ann.Chats(t.Context())
	if err != nil || len(infos) != 2 || infos[0].MutedUntil != 1 || infos[1].Chat != in || infos[1].MutedUntil != Forever {
		t.Errorf("after a restart: %+v, %v", infos, err)
	}
}
