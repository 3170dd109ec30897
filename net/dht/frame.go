package dht

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// errFrame says that the other side does not keep to the framing.
var errFrame = errors.New("a frame of a length that is not allowed")

// frame is one message as it was received. message is nil if its kind is not
// known.
type frame struct {
	kind    kind
	id      uint32
	message Message
	size    int
}

// readFrame reads one frame whose CBOR has at most limit bytes.
func readFrame(r io.Reader, limit int) (frame, error) {
	var head [headSize]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return frame{}, err
	}
	n := int(binary.BigEndian.Uint32(head[:])) - (headSize - 4)
	if n < 0 || n > limit {
		return frame{}, fmt.Errorf("%w: %d bytes", errFrame, n)
	}
	f := frame{kind: kind(head[4]), id: binary.BigEndian.Uint32(head[5:]), size: headSize + n}
	body := make([]byte, n)
	_, err := io.ReadFull(r, body)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return frame{}, err
	}
	f.message, err = decodeMessage(f.kind, body)
	return f, err
}
