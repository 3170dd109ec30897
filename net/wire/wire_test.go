package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"dione/crypto/cborx"
	"dione/internal/vectors"
)

// page reads the vectors of net/PROTOCOL.md, but those of section 8, which
// net/dht reads.
func page(tb testing.TB) map[string][]byte {
	tb.Helper()
	all := vectors.Read(tb, "../PROTOCOL.md", "")
	maps.DeleteFunc(all, func(name string, _ []byte) bool { return strings.HasPrefix(name, "dht ") })
	return all
}

var (
	idA = [16]byte{0xa0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
	idB = [16]byte{0xb0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}

	onePackage = Parcel{[8]byte{0, 1, 2, 3, 4, 5, 6, 7}, [CoreSize]byte(bytes.Repeat([]byte{0xc0}, CoreSize))}
	syncAll    = Sync{
		Gen:      2,
		Seen:     7,
		Addrs:    [][]byte{{4, 192, 0, 2, 7, 6, 0x1f, 0x90}},
		Sessions: []SessionState{{idA, 3, 300}, {SID: idB}},
	}
	receipt = Receipt{SID: idA, Chains: []Chain{{Epoch: 2, Contiguous: 5, Map: []byte{0x81}}, {Epoch: 4, Contiguous: 1}}}

	content    = Content{ID: idA, Seq: 7, Sent: 1795183200123, Text: "did the build pass?"}
	somebody   = [32]byte{0xc0, 31: 1}
	answer     = Content{ID: idB, Seq: 8, Sent: 1795183200124, Text: "yes", Target: idA, Author: somebody}
	reaction   = Content{ID: idB, Seq: 9, Sent: 1795183200125, Text: "👍", Kind: Reaction, Target: idA, Author: somebody}
	correction = Content{ID: idB, Seq: 10, Sent: 1795183200126, Text: "did the test pass?", Kind: Correction, Target: idA}
	deletion   = Content{ID: idB, Seq: 11, Sent: 1795183200127, Kind: Deletion, Target: idA}
)

func TestVectors(t *testing.T) {
	all := page(t)
	network := NetworkID("main")
	for name, got := range map[string][]byte{
		"network":            network[:],
		"header link":        AppendHeader(nil, Header{"link", 1}),
		"header chat":        AppendHeader(nil, Header{"chat", 1}),
		"content":            content.Encode(),
		"content answer":     answer.Encode(),
		"content reaction":   reaction.Encode(),
		"content none":       Content{ID: idB, Seq: 9, Sent: 1795183200125, Kind: Reaction, Target: idA, Author: somebody}.Encode(),
		"content correction": correction.Encode(),
		"content deletion":   deletion.Encode(),
		"spare":              Spare{content.ID, []byte("bundle")}.Encode(),
		"chat hello":         AppendMessage(nil, Hello{"bob"}),
		"chat room":          AppendMessage(nil, Room{content.Encode()}),
		"chat ack":           AppendMessage(nil, Ack{[][16]byte{idA, idB}}),
		"chat parcel":        AppendMessage(nil, onePackage),
		"chat ask":           AppendMessage(nil, Ask{}),
		"chat proof":         AppendMessage(nil, Ask{idA[:]}),
		"chat keys":          AppendMessage(nil, Keys{[]byte("bundle")}),
		"chat intro":         AppendMessage(nil, Intro{[]byte("intro")}),
		"chat refused":       AppendMessage(nil, Refused{[8]byte{0, 1, 2, 3, 4, 5, 6, 7}}),
		"chat sync":          AppendMessage(nil, syncAll),
		"chat bare":          AppendMessage(nil, Sync{}),
		"chat receipt":       AppendMessage(nil, receipt),
		"chat full":          AppendMessage(nil, Receipt{SID: idA, Full: true}),
		"chat nodes":         AppendMessage(nil, Nodes{[][]byte{{1}, {2, 3}}}),
		"chat typing":        AppendMessage(nil, Typing{}),
		"chat typing room":   AppendMessage(nil, Typing{Room: true}),
		"link instance":      AppendLink(nil, Instance{[8]byte{0, 1, 2, 3, 4, 5, 6, 7}}),
		"link ping":          AppendLink(nil, Ping{}),
		"link pong":          AppendLink(nil, Pong{}),
		"link renew":         AppendLink(nil, Renew{}),
		"link bye":           AppendLink(nil, Bye{Leaving, ""}),
		"link broken":        AppendLink(nil, Bye{Broken, "too many streams"}),
	} {
		if want := all[name]; !bytes.Equal(got, want) {
			t.Errorf("vector %s: encoded\n%x, want\n%x", name, got, want)
		}
		delete(all, name)
	}
	for name := range all {
		t.Errorf("vector %s of PROTOCOL.md is not tested", name)
	}
}

var messages = []Message{
	Hello{"bob"},
	Hello{},
	Room{content.Encode()},
	Room{Content{ID: idB, Seq: 1, Text: strings.Repeat("x", MaxText)}.Encode()},
	Room{Content{ID: idB, Seq: MaxSeq, Sent: math.MinInt64, Text: strings.Repeat("x", MaxText), Target: idA, Author: somebody}.Encode()},
	Room{correction.Encode()},
	onePackage,
	Ask{idA[:]},
	Keys{make([]byte, MaxKeys)},
	Intro{make([]byte, MaxKeys)},
	Refused{},
	Sync{},
	syncAll,
	largestSync(),
	receipt,
	largestReceipt(),
	Nodes{[][]byte{{1}}},
	Nodes{slices.Repeat([][]byte{make([]byte, MaxAddr)}, MaxNodes)},
	Typing{},
	Typing{Room: true},
	Ack{[][16]byte{idA}},
	Ack{make([][16]byte, MaxAck)},
}

func largestSync() Sync {
	s := Sync{Gen: MaxGen, Seen: MaxSeq, Sessions: make([]SessionState, MaxSessions)}
	for range MaxAddrs {
		s.Addrs = append(s.Addrs, make([]byte, MaxAddr))
	}
	for i := range s.Sessions {
		s.Sessions[i] = SessionState{[16]byte{byte(i)}, math.MaxUint32, math.MaxUint32}
	}
	return s
}

func largestReceipt() Receipt {
	r := Receipt{SID: idB, Full: true}
	for i := range uint32(MaxChains) {
		r.Chains = append(r.Chains, Chain{math.MaxUint32 - MaxChains + i, math.MaxUint32, bytes.Repeat([]byte{0xff}, MaxMap)})
	}
	return r
}

// Many frames leave in one write and come in pieces.
func TestMessagesRoundTrip(t *testing.T) {
	var buf []byte
	for _, msg := range messages {
		buf = AppendMessage(buf, msg)
	}
	for name, src := range map[string]io.Reader{
		"whole":   bytes.NewReader(buf),
		"pieces":  iotest.OneByteReader(bytes.NewReader(buf)),
		"with it": iotest.DataErrReader(bytes.NewReader(buf)),
	} {
		r, total := NewReader(src), 0
		for _, want := range messages {
			got, n, err := r.ReadMessage()
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Fatalf("%s: ReadMessage = %v, %v, want %v", name, got, err, want)
			}
			total += n
		}
		if _, _, err := r.ReadMessage(); err != io.EOF {
			t.Errorf("%s: ReadMessage at the end = %v, want EOF", name, err)
		}
		if total != len(buf) {
			t.Errorf("%s: frames of %d bytes together, want %d", name, total, len(buf))
		}
	}
}

func TestLinkRoundTrip(t *testing.T) {
	all := []LinkMessage{
		Instance{[8]byte{1}}, Ping{}, Pong{}, Renew{}, Bye{Leaving, ""}, Bye{Broken, strings.Repeat("é", MaxReason/2)},
	}
	var buf []byte
	for _, msg := range all {
		buf = AppendLink(buf, msg)
	}
	r := NewLinkReader(bytes.NewReader(buf))
	for _, want := range all {
		if got, _, err := r.ReadLink(); err != nil || got != want {
			t.Errorf("ReadLink = %v, %v, want %v", got, err, want)
		}
	}
}

func TestHeaderReadsNoMore(t *testing.T) {
	src := bytes.NewReader(append(AppendHeader(nil, Header{"chat", 1}), "behind"...))
	h, err := ReadHeader(src)
	if err != nil || h != (Header{"chat", 1}) {
		t.Fatalf("ReadHeader = %v, %v", h, err)
	}
	if src.Len() != len("behind") {
		t.Errorf("%d bytes left behind the header, want %d", src.Len(), len("behind"))
	}
}

func TestBadFrames(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   []byte
		want error // nil: any
	}{
		{"empty frame", []byte{0, 0, 0, 0}, ErrFrameSize},
		{"one byte too large", []byte{0, 0, 0x40, 0x71}, ErrFrameSize},
		{"4 GiB", []byte{0xff, 0xff, 0xff, 0xff, 1}, ErrFrameSize},
		{"half a length", []byte{0, 0}, io.ErrUnexpectedEOF},
		{"half a frame", []byte{0, 0, 0, 9, 0xa2, 1}, io.ErrUnexpectedEOF},
		{"no CBOR", frame("ffff"), nil},
		{"not a map", frame("01"), nil},
		{"trailing byte", frame("a2010102616200"), nil},
		{"long form of a number", frame("a201180102616a"), nil},
		{"keys in the wrong order", frame("a202616a0101"), nil},
		{"key twice", frame("a20101010102616a"), nil},
		{"unknown key", frame("a2010105616a"), nil},
		{"indefinite length", frame("bf010102616aff"), nil},
		{"tag", frame("c0a2010102616a"), nil},
		{"kind unknown", frame("a1010b"), nil},
		{"kind 24", frame("a1011818"), nil},
		{"kind missing", frame("a102616a"), nil},
		{"hello with a payload", frame("a20101034161"), nil},
		{"name that is no UTF-8", frame("a201010261ff"), nil},
		{"name given as empty", frame("a201010260"), nil},
		{"name too long", frame(hex.EncodeToString(encode(&helloFrame{kindHello, strings.Repeat("a", MaxName+1)}))), nil},
		{"room without payload", frame("a10102"), nil},
		{"parcel without core", frame("a2010302480001020304050607"), nil},
		{"proof of 15 bytes", frame("a20105024f" + strings.Repeat("00", 15)), nil},
		{"empty proof", frame("a201050240"), nil},
		{"no bundle", frame("a10106"), nil},
		{"bundle too long", encoded(&bytesFrame{kindKeys, make([]byte, MaxKeys+1)}), nil},
		{"intro too long", encoded(&bytesFrame{kindIntro, make([]byte, MaxKeys+1)}), nil},
		{"number of 7 bytes", encoded(&bytesFrame{kindRefused, make([]byte, 7)}), nil},
		{"generation too high", encoded(&syncFrame{Kind: kindSync, Gen: MaxGen + 1}), nil},
		{"number too high", encoded(&syncFrame{Kind: kindSync, Seen: MaxSeq + 1}), nil},
		{"too many sessions", encoded(&syncFrame{Kind: kindSync, Sessions: slices.Repeat([]syncEntry{{SID: idA[:]}}, MaxSessions+1)}), nil},
		{"too many addresses", encoded(&syncFrame{Kind: kindSync, Addrs: slices.Repeat([][]byte{{4}}, MaxAddrs+1)}), nil},
		{"no nodes", encoded(&nodesFrame{Kind: kindNodes, Nodes: [][]byte{}}), nil},
		{"too many nodes", encoded(&nodesFrame{Kind: kindNodes, Nodes: slices.Repeat([][]byte{{4}}, MaxNodes+1)}), nil},
		{"node without an address", encoded(&nodesFrame{Kind: kindNodes, Nodes: [][]byte{{}}}), nil},
		{"empty address", encoded(&syncFrame{Kind: kindSync, Addrs: [][]byte{{}}}), nil},
		{"short session id", encoded(&syncFrame{Kind: kindSync, Sessions: []syncEntry{{SID: idA[:15]}}}), nil},
		{"receipt of nothing", encoded(&receiptFrame{Kind: kindReceipt, SID: idA[:]}), nil},
		{"receipt of chain 0", encoded(&receiptFrame{Kind: kindReceipt, SID: idA[:], Chains: []Chain{{}}}), nil},
		{"receipt of one chain twice", encoded(&receiptFrame{Kind: kindReceipt, SID: idA[:], Chains: []Chain{{Epoch: 1}, {Epoch: 1}}}), nil},
		{"map with a zero at its end", encoded(&receiptFrame{Kind: kindReceipt, SID: idA[:], Chains: []Chain{{Epoch: 1, Map: []byte{1, 0}}}}), nil},
		{"map too long", encoded(&receiptFrame{Kind: kindReceipt, SID: idA[:], Chains: []Chain{{Epoch: 1, Map: bytes.Repeat([]byte{1}, MaxMap+1)}}}), nil},
		{"too many chains", encoded(&receiptFrame{Kind: kindReceipt, SID: idA[:], Chains: make([]Chain, MaxChains+1)}), nil},
		{"ack of nothing", frame("a10104"), nil},
		{"ack of half an id", frame("a201040442abcd"), nil},
		{"ack of too many", frame(hex.EncodeToString(encode(&ackFrame{kindAck, make([]byte, 16*(MaxAck+1))}))), nil},
	} {
		msg, _, err := NewReader(bytes.NewReader(tt.in)).ReadMessage()
		if err == nil || err == io.EOF {
			t.Errorf("%s: ReadMessage = %v, %v, want an error", tt.name, msg, err)
		}
		if tt.want != nil && !errors.Is(err, tt.want) {
			t.Errorf("%s: ReadMessage = %v, want %v", tt.name, err, tt.want)
		}
	}
}

func TestBadLinkFrames(t *testing.T) {
	for name, in := range map[string]string{
		"ping with a text":   "a201020461 61",
		"instance too short": "a2010102 41 00",
		"bye without reason": "a10105",
		"bye of reason 6":    "a201050306",
		"bye of reason 257":  "a20105 03190101",
		"kind unknown":       "a10106",
	} {
		if msg, err := decodeLink(unhex(strings.ReplaceAll(in, " ", ""))); err == nil {
			t.Errorf("%s: decodeLink = %v, want an error", name, msg)
		}
	}
}

func TestContent(t *testing.T) {
	largest := Content{ID: idB, Seq: MaxSeq, Sent: math.MinInt64, Text: strings.Repeat("x", MaxText), Target: idA, Author: somebody}
	if n := len(largest.Encode()); n != maxContent {
		t.Errorf("the largest content has %d bytes, want %d", n, maxContent)
	}
	none := reaction
	none.Text = ""
	for _, c := range []Content{content, answer, reaction, none, correction, deletion, largest} {
		if got, err := DecodeContent(c.Encode()); err != nil || got != c {
			t.Errorf("DecodeContent = %+v, %v, want %+v", got, err, c)
		}
	}
}

func TestBadContent(t *testing.T) {
	for name, change := range map[string]struct {
		good Content
		bad  func(*Content)
	}{
		"no text":                 {content, func(c *Content) { c.Text = "" }},
		"text too long":           {content, func(c *Content) { c.Text = strings.Repeat("x", MaxText+1) }},
		"text no UTF-8":           {content, func(c *Content) { c.Text = "a\xff" }},
		"number 0":                {content, func(c *Content) { c.Seq = 0 }},
		"number 2^53":             {content, func(c *Content) { c.Seq = MaxSeq + 1 }},
		"a kind unknown":          {content, func(c *Content) { c.Kind = Deletion + 1 }},
		"answers nobody's":        {answer, func(c *Content) { c.Author = [32]byte{} }},
		"answers nothing of one":  {answer, func(c *Content) { c.Target = [16]byte{} }},
		"a long reaction":         {reaction, func(c *Content) { c.Text = strings.Repeat("x", MaxReaction+1) }},
		"a reaction to nobody":    {reaction, func(c *Content) { c.Author = [32]byte{} }},
		"a reaction to nothing":   {reaction, func(c *Content) { c.Target = [16]byte{} }},
		"an empty correction":     {correction, func(c *Content) { c.Text = "" }},
		"a long correction":       {correction, func(c *Content) { c.Text = strings.Repeat("x", MaxText+1) }},
		"a correction of nothing": {correction, func(c *Content) { c.Target = [16]byte{} }},
		"a correction of others":  {correction, func(c *Content) { c.Author = somebody }},
		"a deletion with a text":  {deletion, func(c *Content) { c.Text = "x" }},
		"a deletion of nothing":   {deletion, func(c *Content) { c.Target = [16]byte{} }},
		"a deletion of others":    {deletion, func(c *Content) { c.Author = somebody }},
	} {
		c := change.good
		change.bad(&c)
		if got, err := DecodeContent(c.Encode()); err == nil {
			t.Errorf("%s: DecodeContent = %+v, want an error", name, got)
		}
	}
	short := encode(&struct {
		ID   []byte `cbor:"1,keyasint"`
		Seq  uint64 `cbor:"2,keyasint"`
		Sent int64  `cbor:"3,keyasint"`
		Text string `cbor:"4,keyasint"`
	}{idA[:15], 1, 2, "x"})
	if got, err := DecodeContent(short); !errors.Is(err, cborx.ErrNotCanonical) {
		t.Errorf("DecodeContent of an id of 15 bytes = %+v, %v", got, err)
	}
	zero := encode(&struct { // what is zero is left out
		ID     [16]byte `cbor:"1,keyasint"`
		Seq    uint64   `cbor:"2,keyasint"`
		Sent   int64    `cbor:"3,keyasint"`
		Text   string   `cbor:"4,keyasint"`
		Target [16]byte `cbor:"7,keyasint"`
	}{ID: idA, Seq: 1, Text: "x"})
	if got, err := DecodeContent(zero); !errors.Is(err, cborx.ErrNotCanonical) {
		t.Errorf("DecodeContent of a target of zeros = %+v, %v", got, err)
	}
}

// A frame beyond its limit is found before it leaves.
func TestAppendPanicsBeyondLimits(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("AppendMessage took a payload that no peer would")
		}
	}()
	AppendMessage(nil, Room{make([]byte, maxChat)})
}

func frame(body string) []byte {
	b := unhex(body)
	return append([]byte{0, 0, byte(len(b) >> 8), byte(len(b))}, b...)
}

func encoded(f any) []byte { return frame(hex.EncodeToString(encode(f))) }

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}
