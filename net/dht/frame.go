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

// frames reads frames from a connection.
type frames struct {
	from io.Reader
	head [headSize]byte
}

// wait waits for the next frame. It is apart from next for the sake of a small
// stack: that is most of what an idle connection costs.
func (r *frames) wait() error {
	for n := 0; n < len(r.head); {
		got, err := r.from.Read(r.head[n:])
		if n += got; err != nil && n < len(r.head) {
			if n > 0 && errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
	}
	return nil
}

// next reads the frame that wait has waited for, whose CBOR has at most limit
// bytes.
func (r *frames) next(limit int) (frame, error) {
	n := int(binary.BigEndian.Uint32(r.head[:])) - (headSize - 4)
	if n < 0 || n > limit {
		return frame{}, fmt.Errorf("%w: %d bytes", errFrame, n)
	}
	f := frame{kind: kind(r.head[4]), id: binary.BigEndian.Uint32(r.head[5:]), size: headSize + n}
	body := make([]byte, n)
	_, err := io.ReadFull(r.from, body)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return frame{}, err
	}
	f.message, err = decodeMessage(f.kind, body)
	return f, err
}
