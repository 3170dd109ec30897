// Package control lets other commands of the same user ask the process that
// has the profile: one process may read the database, and all others read
// through it. The protocol is lines of JSON over a socket in the profile
// directory: one request, then answers, then an end.
package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"dione/net/messenger"
	"dione/tui/record"
)

const (
	socketName = "control.sock"
	pathName   = "control.path" // holds where the socket is when the profile's path is too long for one

	// maxPath is the longest path of a socket that every system takes.
	maxPath = 100

	maxRequest  = 4 << 10          // bytes of one
	maxClients  = 16               // at a time
	requestTime = 30 * time.Second // for one, from its connection to its end
	maxMessages = 1_000_000        // of one answer
	pageSize    = 500
)

// The requests.
const (
	ID      = "id"
	Peers   = "peers"
	History = "history"
	Net     = "net"
)

// Request is a question.
type Request struct {
	What string `json:"what"`           // ID, Peers, History or Net
	Peer string `json:"peer,omitempty"` // of History: "#lan" or a NAME
	N    int    `json:"n,omitempty"`    // of History: how many of the newest
}

// answer is one line of what comes back.
type answer struct {
	Record json.RawMessage `json:"record,omitempty"`
	Error  string          `json:"error,omitempty"`
	Hint   string          `json:"hint,omitempty"`
	End    bool            `json:"end,omitempty"`
}

// Reader is what questions are answered from; *messenger.Messenger is one.
type Reader interface {
	Self() messenger.Self
	People(ctx context.Context) ([]messenger.Person, error)
	Resolve(ctx context.Context, name string) (messenger.Person, error)
	History(ctx context.Context, chat messenger.Chat, before messenger.Cursor, n int) ([]messenger.Message, error)
	Net(ctx context.Context) (messenger.Net, error)
}

// Answer gives every record that answers req to tell.
func Answer(ctx context.Context, r Reader, req Request, tell func(any) error) error {
	switch req.What {
	case ID:
		return tell(record.ReadyOf(r.Self()))
	case Peers:
		people, err := r.People(ctx)
		for _, p := range people {
			if err := tell(record.PersonOf(p)); err != nil {
				return err
			}
		}
		return err
	case History:
		return history(ctx, r, req, tell)
	case Net:
		n, err := r.Net(ctx)
		if err != nil {
			return err
		}
		return tell(record.NetOf(n))
	}
	return fmt.Errorf("control: no request is called %q", req.What)
}

func history(ctx context.Context, r Reader, req Request, tell func(any) error) error {
	chat := messenger.Room
	if req.Peer != chat.String() {
		p, err := r.Resolve(ctx, req.Peer)
		if err != nil {
			return err
		}
		chat.Peer = p.ID
	}
	people, err := r.People(ctx)
	if err != nil {
		return err
	}
	// Pages come newest first, and are told oldest first.
	var pages [][]messenger.Message
	before := messenger.Cursor{}
	for left := min(req.N, maxMessages); left > 0; {
		page, err := r.History(ctx, chat, before, min(left, pageSize))
		if err != nil {
			return err
		}
		if len(page) == 0 {
			break
		}
		pages = append(pages, page)
		before = messenger.Cursor{Pos: page[0].Pos, Row: page[0].Row}
		left -= len(page)
	}
	names := record.NamesOf(r.Self(), people)
	for i := len(pages) - 1; i >= 0; i-- {
		for _, m := range pages[i] {
			if err := tell(names.History(m)); err != nil {
				return err
			}
		}
	}
	return nil
}

// Server answers on a profile's socket.
type Server struct {
	ln     net.Listener
	reader Reader
	log    *slog.Logger
	path   string // of control.path; "" if there is none
}

// Listen opens the socket of the profile in dir, which this process has.
func Listen(dir string, r Reader, log *slog.Logger) (*Server, error) {
	s := &Server{reader: r, log: log}
	socket := filepath.Join(dir, socketName)
	if len(socket) > maxPath {
		tmp, err := os.MkdirTemp("", "dione-")
		if err != nil {
			return nil, fmt.Errorf("open the control socket: %w", err)
		}
		socket = filepath.Join(tmp, socketName)
		s.path = filepath.Join(dir, pathName)
		if err := os.WriteFile(s.path, []byte(socket), 0o600); err != nil {
			return nil, fmt.Errorf("open the control socket: %w", err)
		}
	}
	if err := os.Remove(socket); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open the control socket: %w", err) // left behind by a killed process
	}
	ln, err := net.Listen("unix", socket)
	if err != nil {
		return nil, fmt.Errorf("open the control socket: %w", err)
	}
	if err := os.Chmod(socket, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("open the control socket: %w", err), ln.Close())
	}
	s.ln = ln
	return s, nil
}

// Run answers until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() { _ = s.ln.Close() })()
	var clients sync.WaitGroup
	defer clients.Wait()
	defer s.forget()
	slots := make(chan struct{}, maxClients)
	for {
		conn, err := s.ln.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("control socket: %w", err)
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			_ = conn.Close()
			return nil
		}
		clients.Go(func() {
			defer func() { <-slots }()
			s.serve(ctx, conn)
		})
	}
}

func (s *Server) forget() {
	if s.path != "" {
		_ = os.Remove(s.path)
		_ = os.Remove(filepath.Dir(s.ln.Addr().String()))
	}
}

func (s *Server) serve(ctx context.Context, conn net.Conn) {
	defer func() { _ = conn.Close() }()
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	line, err := bufio.NewReader(io.LimitReader(conn, maxRequest)).ReadBytes('\n')
	if err != nil {
		s.log.Debug("control: no request", slog.Any("error", err))
		return
	}
	out := bufio.NewWriter(conn)
	enc := json.NewEncoder(out)
	var req Request
	if err = json.Unmarshal(line, &req); err == nil {
		err = Answer(ctx, s.reader, req, func(r any) error {
			b, err := json.Marshal(r)
			if err != nil {
				return err
			}
			return enc.Encode(answer{Record: b})
		})
	}
	end := answer{End: true}
	if err != nil {
		end.Error, end.Hint = err.Error(), hintOf(err)
	}
	if err := errors.Join(enc.Encode(end), out.Flush()); err != nil {
		s.log.Debug("control: not answered", slog.Any("error", err))
	}
}

// ErrNobody says that no process has the profile.
var ErrNobody = errors.New("no dione runs on this profile")

// Ask puts a question to the process that has the profile in dir, and gives
// every record of the answer to tell.
func Ask(ctx context.Context, dir string, req Request, tell func(json.RawMessage) error) error {
	socket := filepath.Join(dir, socketName)
	if b, err := os.ReadFile(filepath.Join(dir, pathName)); err == nil {
		socket = strings.TrimSpace(string(b))
	}
	conn, err := new(net.Dialer).DialContext(ctx, "unix", socket)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNobody, err)
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if err := json.NewEncoder(conn).Encode(req); err != nil {
		return fmt.Errorf("ask the running dione: %w", err)
	}
	dec := json.NewDecoder(bufio.NewReader(conn))
	for {
		var a answer
		if err := dec.Decode(&a); err != nil {
			return fmt.Errorf("ask the running dione: %w", err)
		}
		switch {
		case a.Error != "":
			return &remoteError{a.Error, a.Hint}
		case a.End:
			return nil
		}
		if err := tell(a.Record); err != nil {
			return err
		}
	}
}

// remoteError is an error of the process that was asked.
type remoteError struct{ text, hint string }

func (e *remoteError) Error() string { return e.text }
func (e *remoteError) Hint() string  { return e.hint }

func hintOf(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}
