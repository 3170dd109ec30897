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
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	socketName = "control.sock"
	tmpPrefix  = "dione-"
	pathName   = "control.path" // holds where the socket is when the profile's path is too long for one

	// maxPath is the longest path of a socket that every system takes.
	maxPath = 100

	maxRequest = 128 << 10 // bytes of one: the longest text, all of it escaped, and as much again
	maxClients = 16        // at a time
	maxStreams = 8         // of them that follow what happens

	askTime    = 2 * time.Second  // for a request to come
	answerTime = 30 * time.Second // for the whole of an answer
	silentTime = 15 * time.Second // between two lines of an answer; for one to be read
	acceptTime = time.Second      // until the next try when the system has no room for a connection
)

// answer is one line of what comes back.
type answer struct {
	Record json.RawMessage `json:"record,omitempty"`
	Error  string          `json:"error,omitempty"`
	Hint   string          `json:"hint,omitempty"`
	End    bool            `json:"end,omitempty"`
}

// Server answers on a profile's socket.
type Server struct {
	ln     net.Listener
	engine Engine
	log    *slog.Logger
	dir    string // of the profile
	tmp    string // the socket's own directory; "" if it is in the profile's

	streams atomic.Int32 // answers under way that come as things happen
}

// Listen opens the socket of the profile in dir, which this process has.
func Listen(dir string, e Engine, log *slog.Logger) (*Server, error) {
	s := &Server{engine: e, log: log, dir: dir}
	if err := s.listen(); err != nil {
		s.forget()
		return nil, fmt.Errorf("open the control socket: %w", err)
	}
	return s, nil
}

func (s *Server) listen() error {
	sweep(s.dir)
	socket := filepath.Join(s.dir, socketName)
	if len(socket) > maxPath {
		if err := s.moveOut(); err != nil {
			return err
		}
		socket = filepath.Join(s.tmp, socketName)
	}
	ln, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	s.ln = ln
	return os.Chmod(socket, 0o600)
}

// moveOut makes a directory with a shorter path for the socket, in the user's
// runtime directory where there is one, and writes down where.
func (s *Server) moveOut() (err error) {
	if runtime := os.Getenv("XDG_RUNTIME_DIR"); runtime != "" {
		s.tmp, err = os.MkdirTemp(runtime, tmpPrefix)
	}
	if s.tmp == "" || err != nil {
		if s.tmp, err = os.MkdirTemp("", tmpPrefix); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(s.dir, pathName), []byte(filepath.Join(s.tmp, socketName)+"\n"), 0o600)
}

// sweep removes what a killed process left behind. This process has the
// profile, so nobody listens there.
func sweep(dir string) {
	_ = os.Remove(filepath.Join(dir, socketName)) // what stays makes Listen fail, and say so
	path := filepath.Join(dir, pathName)
	if b, err := os.ReadFile(path); err == nil {
		socket := strings.TrimSpace(string(b))
		if tmp := filepath.Dir(socket); strings.HasPrefix(filepath.Base(tmp), tmpPrefix) && filepath.Base(socket) == socketName {
			_ = os.Remove(socket)
			_ = os.Remove(tmp)
		}
		_ = os.Remove(path)
	}
}

// forget closes the socket and leaves nothing behind.
func (s *Server) forget() {
	if s.ln != nil {
		_ = s.ln.Close() // and with it the socket's name
	}
	if s.tmp != "" {
		_ = os.Remove(filepath.Join(s.dir, pathName))
		_ = os.Remove(s.tmp)
	}
}

// Run answers until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() { _ = s.ln.Close() })()
	var clients sync.WaitGroup
	defer clients.Wait()
	defer s.forget()
	slots := make(chan struct{}, maxClients)
	for {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		conn, err := s.ln.Accept()
		if ctx.Err() != nil {
			if err == nil {
				_ = conn.Close()
			}
			return nil
		}
		if err != nil {
			// The chat goes on without answers to others: that is worth more.
			s.log.Warn("control: no connection", slog.Any("error", err))
			<-slots
			select {
			case <-time.After(acceptTime):
			case <-ctx.Done():
			}
			continue
		}
		clients.Go(func() {
			defer func() { <-slots }()
			s.serve(ctx, conn)
		})
	}
}

// serve answers one request.
func (s *Server) serve(ctx context.Context, conn net.Conn) {
	defer func() { _ = conn.Close() }()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	limit := time.AfterFunc(answerTime, cancel)
	defer limit.Stop()
	_ = conn.SetReadDeadline(time.Now().Add(askTime)) // a closed one shows with the read
	line, err := bufio.NewReader(io.LimitReader(conn, maxRequest)).ReadBytes('\n')
	if err != nil {
		s.log.Debug("control: no request", slog.Any("error", err))
		return
	}
	req, err := parseRequest(line)
	if err == nil && req.streams() {
		if s.streams.Add(1) > maxStreams {
			err = &remoteError{fmt.Sprintf("%d others wait or follow already", maxStreams), "end one of them, and try again"}
		}
		defer s.streams.Add(-1)
		limit.Stop()
		hangUp := make(chan struct{})
		defer func() {
			_ = conn.Close()
			<-hangUp
		}()
		_ = conn.SetReadDeadline(time.Time{})
		go func() { // whoever asked says no more: what comes is their end
			defer close(hangUp)
			_, _ = conn.Read(make([]byte, 1))
			cancel()
		}()
	}
	out := bufio.NewWriter(conn)
	enc := json.NewEncoder(out)
	if err == nil {
		err = Answer(ctx, s.engine, req, func(r any) error {
			if req.streams() { // the others have a deadline as a whole
				_ = conn.SetWriteDeadline(time.Now().Add(silentTime))
			}
			if r == nil {
				return errors.Join(enc.Encode(answer{}), out.Flush())
			}
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
	_ = conn.SetDeadline(time.Now().Add(silentTime)) // a closed one shows with the write
	if err := json.NewEncoder(conn).Encode(req); err != nil {
		return &silentError{err}
	}
	dec := json.NewDecoder(bufio.NewReader(conn))
	for first := true; ; first = false {
		var a answer
		_ = conn.SetReadDeadline(time.Now().Add(silentTime))
		if err := dec.Decode(&a); err != nil {
			var timeout net.Error
			if first && !(errors.As(err, &timeout) && timeout.Timeout()) {
				return fmt.Errorf("%w: %w", ErrNobody, err) // it is ending
			}
			return &silentError{err}
		}
		switch {
		case a.Error != "":
			return &remoteError{a.Error, a.Hint}
		case a.End:
			return nil
		case a.Record == nil:
			continue // a sign of life
		}
		if err := tell(a.Record); err != nil {
			return err
		}
	}
}

// silentError says that the process that has the profile does not answer.
type silentError struct{ err error }

func (e *silentError) Error() string { return "ask the running dione: " + e.err.Error() }
func (e *silentError) Unwrap() error { return e.err }
func (e *silentError) Hint() string {
	return "try again; if it does not answer at all, end it and start it again"
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
