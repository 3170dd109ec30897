package secure

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dione/crypto/handshake"
)

func TestEcho(t *testing.T) {
	client, server := pair(t)
	go func() { _, _ = io.Copy(server, server) }()
	sizes := []int{1, 2, 3}
	for size := 256; size <= 1<<17; size *= 2 {
		sizes = append(sizes, size-3, size-2, size-1, size, size+1)
	}
	sizes = append(sizes, handshake.MaxContent-1, handshake.MaxContent, handshake.MaxContent+1)
	for _, size := range sizes {
		sent := bytes.Repeat([]byte{byte(size), 0xa5}, size)[:size]
		go func() {
			if n, err := client.Write(sent); n != size || err != nil {
				t.Errorf("Write of %d bytes = %d, %v", size, n, err)
			}
		}()
		got := make([]byte, size)
		if _, err := io.ReadFull(client, got); err != nil || !bytes.Equal(got, sent) {
			t.Fatalf("echo of %d bytes: %v, equal %t", size, err, bytes.Equal(got, sent))
		}
	}
	in, _ := server.Bytes()
	if _, out := client.Bytes(); out-in != 0 || out < 1<<17 {
		t.Errorf("one end counts %d bytes, the other %d", out, in)
	}
}

// TestWriters lets many write at a time: each one's bytes stay together and in
// order, and what waits goes out as one record.
func TestWriters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := pair(t)
		const writers, messages, size = 16, 200, 100
		var wg sync.WaitGroup
		for i := range writers {
			wg.Go(func() {
				for j := range messages {
					p := bytes.Repeat([]byte{byte(i)}, size)
					p[size-1] = byte(j)
					if n, err := client.Write(p); n != size || err != nil {
						t.Errorf("Write = %d, %v", n, err)
						return
					}
				}
			})
		}
		synctest.Wait() // until all but one wait for that one
		var next [writers]int
		p := make([]byte, size)
		for range writers * messages {
			if _, err := io.ReadFull(server, p); err != nil {
				t.Fatal(err)
			}
			who := p[0]
			if !bytes.Equal(p[:size-1], bytes.Repeat([]byte{who}, size-1)) || p[size-1] != byte(next[who]) {
				t.Fatalf("message %d of writer %d came as %x", next[who], who, p)
			}
			next[who]++
		}
		wg.Wait()
		if in, _ := server.Bytes(); in >= writers*messages*(2+256+16) {
			t.Errorf("%d bytes for %d messages: none shared a record", in, writers*messages)
		}
	})
}

func TestCloseEndsWriters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _ := pair(t)
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() {
				if n, err := client.Write(make([]byte, 100)); n != 0 || !errors.Is(err, io.ErrClosedPipe) {
					t.Errorf("Write = %d, %v, want a closed pipe", n, err)
				}
			})
		}
		synctest.Wait() // one is in the pipe, four wait
		_ = client.Close()
		wg.Wait()
	})
}

func TestReadDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		client, server := pairOver(t, a, b)
		record := client.session.Send.Seal(append(make([]byte, handshake.Head), "hello"...))
		for _, part := range [][]byte{record[:1], record[1:100], record[100:]} {
			_ = server.SetReadDeadline(time.Now().Add(time.Second))
			if _, err := server.Read(make([]byte, 9)); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatalf("Read = %v, want a deadline", err)
			}
			go func() { _, _ = a.Write(part) }()
		}
		_ = server.SetReadDeadline(time.Time{})
		p := make([]byte, 9)
		if n, err := server.Read(p); err != nil || string(p[:n]) != "hello" {
			t.Errorf("Read = %q, %v, want hello", p[:n], err)
		}
	})
}

func TestBadRecords(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func([]byte) []byte
		want  error
	}{
		{"tampered", func(b []byte) []byte { b[20] ^= 1; return b }, handshake.ErrRecord},
		{"tag", func(b []byte) []byte { b[len(b)-1] ^= 1; return b }, handshake.ErrRecord},
		{"length", func(b []byte) []byte { b[1]++; return b }, handshake.ErrRecord},
		{"cut", func(b []byte) []byte { return b[:100] }, io.ErrUnexpectedEOF},
		{"half a head", func(b []byte) []byte { return b[:1] }, io.ErrUnexpectedEOF},
		{"nothing", func([]byte) []byte { return nil }, io.EOF},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, b := net.Pipe()
			client, server := pairOver(t, a, b)
			record := client.session.Send.Seal(append(make([]byte, handshake.Head), "hello"...))
			go func() { _, _ = a.Write(tt.spoil(record)); _ = a.Close() }()
			for range 2 { // it stays so
				if _, err := server.Read(make([]byte, 9)); !errors.Is(err, tt.want) {
					t.Errorf("Read = %v, want %v", err, tt.want)
				}
			}
			if _, err := server.Write([]byte("x")); err == nil {
				t.Error("it is still written")
			}
		})
	}
}

func TestExpired(t *testing.T) {
	for _, tt := range []struct {
		name  string
		age   time.Duration
		bytes uint64
		want  error
	}{
		{"young", 24 * time.Hour, maxBytes, nil},
		{"old", maxAge + time.Second, 0, ErrExpired},
		{"used", 0, maxBytes + 1, ErrExpired},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := net.Pipe()
				client, server := pairOver(t, a, b)
				record := client.session.Send.Seal(append(make([]byte, handshake.Head), "hello"...))
				time.Sleep(tt.age)
				server.received.Store(tt.bytes)
				server.sent.Store(tt.bytes)
				go func() { _, _ = a.Write(record) }()
				go func() { _, _ = io.Copy(io.Discard, a) }()
				if _, err := server.Write([]byte("x")); !errors.Is(err, tt.want) {
					t.Errorf("Write = %v, want %v", err, tt.want)
				}
				if _, err := server.Read(make([]byte, 9)); !errors.Is(err, tt.want) {
					t.Errorf("Read = %v, want %v", err, tt.want)
				}
			})
		})
	}
}
