package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"dione/net/dht"
	"dione/net/node"
)

// metricsTime bounds what somebody who reads metrics may take.
const metricsTime = 5 * time.Second

// serveMetrics listens at addr, and returns what serves the state of n there,
// as Prometheus reads it (text format 0.0.4), until ctx ends.
func serveMetrics(ctx context.Context, addr string, n *node.Node, log *slog.Logger) (func() error, error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		var op *net.OpError
		if errors.As(err, &op) {
			err = fmt.Errorf("listen on %s: %w", addr, op.Err) // it names the address once more
		}
		return nil, hinted{fmt.Errorf("serve metrics: %w", err), "choose another address with --metrics"}
	}
	log.Info("metrics are served", slog.String("at", "http://"+ln.Addr().String()+"/metrics"))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		st, ok := n.State()
		if !ok {
			http.Error(w, "the key of the node is being made", http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		writeMetrics(w, st)
	})
	server := &http.Server{
		Handler:      mux,
		ReadTimeout:  metricsTime,
		WriteTimeout: metricsTime,
		IdleTimeout:  time.Minute,
	}
	return func() error {
		defer context.AfterFunc(ctx, func() { _ = server.Close() })()
		if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve metrics: %w", err)
		}
		return nil
	}, nil
}

// writeMetrics writes what a node knows, does and holds. Whoever reads it
// notices an answer that breaks off.
func writeMetrics(w io.Writer, st node.State) {
	for _, m := range []struct {
		name, kind, help string
		value            float64
	}{
		{"dione_servers", "gauge", "Servers of the internet that are known.", float64(st.Servers[dht.Wide])},
		{"dione_servers_near", "gauge", "Servers in the networks around that are known.", float64(st.Servers[dht.Near])},
		{"dione_serves", "gauge", "Whether this node is a server of the internet.", truth(st.Serves[dht.Wide])},
		{"dione_serves_near", "gauge", "Whether this node is a server in the networks around.", truth(st.Serves[dht.Near])},
		{"dione_held_bytes", "gauge", "Packages held for others.", float64(st.Held)},
		{"dione_capacity_bytes", "gauge", "Space for them.", float64(st.Capacity)},
		{"dione_holds", "gauge", "Whether packages can be written now.", truth(st.Err == nil)},
		{"dione_links", "gauge", "Connections that this node has dialled.", float64(st.Links)},
		{"dione_guests", "gauge", "Connections of other nodes.", float64(st.Guests)},
		{"dione_questions_total", "counter", "Questions asked.", float64(st.Asked)},
		{"dione_silent_total", "counter", "Questions without an answer.", float64(st.Silent)},
		{"dione_received_bytes_total", "counter", "Bytes received.", float64(st.BytesIn)},
		{"dione_sent_bytes_total", "counter", "Bytes sent.", float64(st.BytesOut)},
	} {
		fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n%s %g\n", m.name, m.help, m.name, m.kind, m.name, m.value)
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
