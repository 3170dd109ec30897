package lan

import (
	"strings"
	"sync/atomic"

	"github.com/hashicorp/mdns"
	"github.com/miekg/dns"
)

const (
	// ttl is how long others may show us after we left, in seconds, since the
	// library takes no leave; and the most that an answer to a port other than
	// 5353 may say (RFC 6762, section 6.7), as all of ours are asked.
	ttl = 10

	cacheFlush = 1 << 15 // RFC 6762, section 10.2
)

// zone answers questions on all servers for the advert that is current.
type zone struct {
	question string // as we spell it
	askers   *askers
	newcomer chan struct{} // one slot
	service  atomic.Pointer[mdns.MDNSService]
}

func newZone() *zone {
	a := newAskers()
	return &zone{question: spell(a.own), askers: a, newcomer: make(chan struct{}, 1)}
}

// serve makes s the current advert, on networks where nobody is known yet.
func (z *zone) serve(s *mdns.MDNSService) {
	z.askers.forget()
	z.service.Store(s)
}

// Records implements [mdns.Zone].
func (z *zone) Records(q dns.Question) []dns.RR {
	s := z.service.Load()
	if s == nil {
		return nil
	}
	if z.askers.isNew(q.Name) {
		select {
		case z.newcomer <- struct{}{}:
		default:
		}
	}
	q.Name = strings.ToLower(q.Name)
	records := s.Records(q)
	for _, r := range records {
		h := r.Header()
		h.Ttl = ttl
		switch h.Rrtype {
		case dns.TypeSRV, dns.TypeTXT, dns.TypeA, dns.TypeAAAA:
			h.Class |= cacheFlush // nobody else has records of these names
		}
	}
	return records
}
