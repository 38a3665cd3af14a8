package api

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
)

// Role says what the holder of a key may ask.
type Role string

// The roles, from the one that may least.
const (
	Monitoring Role = "monitoring" // the metrics, and nothing of customers
	Storefront Role = "storefront" // what a shop shows: lists of items; and what it tells
	Marketing  Role = "marketing"  // what a storefront may, and scores
	Admin      Role = "admin"      // everything
)

// Roles returns all roles.
func Roles() []Role { return []Role{Monitoring, Storefront, Marketing, Admin} }

// route is a method and a path as it was registered. HEAD goes with GET.
type route struct{ method, path string }

// mayAsk says for every route which roles may ask it, besides admin, which may
// ask all. A route that is missing here is admin's alone, and fails a test.
var mayAsk = map[route][]Role{
	{"GET", "/v1/users/:id/recommendations"}: {Storefront, Marketing},
	{"POST", "/v1/recommendations"}:          {Storefront, Marketing},
	{"GET", "/v1/items/:id/similar"}:         {Storefront, Marketing},
	{"GET", "/v1/popular"}:                   {Storefront, Marketing},
	{"GET", "/v1/users/:id/scores"}:          {Marketing},
	{"POST", "/v1/scores/batch"}:             {Marketing},
	{"GET", "/v1/audiences"}:                 {Marketing},
	{"GET", "/v1/audiences/:name"}:           {Marketing},
	{"GET", "/v1/placements/:name/report"}:   {Marketing},
	{"POST", "/v1/events"}:                   {Storefront, Marketing},
	{"POST", "/v1/contacts"}:                 {Marketing},
	{"POST", "/v1/items/update"}:             {Storefront, Marketing},
	{"POST", "/v1/identities"}:               {Storefront, Marketing},
	{"GET", "/v1/users/:id/data"}:            {},
	{"DELETE", "/v1/users/:id"}:              {},
	{"POST", "/v1/users/:id/opt-out"}:        {Storefront, Marketing},
	{"GET", "/v1/jobs"}:                      {},
	{"GET", "/v1/jobs/:id"}:                  {},
	{"POST", "/v1/jobs/:name/runs"}:          {},
	{"GET", "/v1/models"}:                    {},
	{"POST", "/v1/models/:name/promote"}:     {},
	{"POST", "/v1/models/:name/rollback"}:    {},
	{"GET", "/healthz"}:                      {anybody},
	{"GET", "/readyz"}:                       {anybody},
	{"GET", "/openapi.yaml"}:                 {anybody},
	{"GET", "/metrics"}:                      {Monitoring, thisMachine},
}

// Pseudo-roles of requests that bring no key.
const (
	anybody     Role = "anybody"
	thisMachine Role = "this machine" // the request comes from it and was not passed on by a proxy
)

// Caller is whom a key belongs to.
type Caller struct {
	ID   string // public, and in the access log
	Role Role
}

// KeyState says whether a key opens anything; it labels a metric.
type KeyState string

// What a key can be.
const (
	KeyValid   KeyState = "valid"
	KeyUnknown KeyState = "unknown"
	KeyRevoked KeyState = "revoked"
	KeyExpired KeyState = "expired"
)

// Keys tells whose a key is. It is asked by every request, so that it must
// answer from memory, and in a time that says nothing of the key.
type Keys interface {
	// Needed reports whether requests need a key.
	Needed() bool
	// Check returns whose key it is, and whether it is valid now.
	Check(key string) (Caller, KeyState)
}

// Reasons for which a request is refused before it is looked at, as counted;
// the others are states of a key.
const (
	refusedMissing = "missing"
	refusedRole    = "role"
	refusedRate    = "rate"
	refusedForeign = "foreign" // no key is needed, but the request is not this machine's own
)

// headerAPIKey is an alternative to Authorization, for clients behind something
// that uses that for itself.
const headerAPIKey = "X-Api-Key"

// callerKey is where the context of a request holds its Caller.
const callerKey = "caller"

// admit lets a request pass that may be asked: its route is open, or no key is
// needed, or its key is valid, not too busy and has a role for the route.
func (s *server) admit(c *gin.Context) {
	roles := rolesOf(c)
	if s.keys == nil || !s.keys.Needed() {
		if s.local && !slices.Contains(roles, anybody) && !madeHere(c.Request) {
			s.refuse(c, refusedForeign)
		}
		return
	}
	if slices.Contains(roles, anybody) || slices.Contains(roles, thisMachine) && fromThisMachine(c.Request) {
		return
	}
	caller, refused := s.identify(c.Request)
	if refused != "" {
		s.refuse(c, refused)
		return
	}
	c.Set(callerKey, caller)
	if wait := s.limit.take(caller.ID); wait > 0 {
		c.Header("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
		s.refuse(c, refusedRate)
		return
	}
	// Which routes there are is told to every key.
	if c.FullPath() != "" && caller.Role != Admin && !slices.Contains(roles, caller.Role) {
		s.refuse(c, refusedRole)
	}
}

// rolesOf returns who may ask the route that a request goes to.
func rolesOf(c *gin.Context) []Role {
	method := c.Request.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	return mayAsk[route{method, c.FullPath()}]
}

// identify returns whose the key of a request is, or why it is refused.
func (s *server) identify(r *http.Request) (Caller, string) {
	key := keyOf(r.Header)
	if key == "" {
		return Caller{}, refusedMissing
	}
	caller, state := s.keys.Check(key)
	if state != KeyValid {
		return Caller{}, string(state)
	}
	return caller, ""
}

// keyOf returns the key that a request brings, and "" where it brings none.
// X-API-Key goes first: behind a proxy, Authorization may be about the proxy.
func keyOf(h http.Header) string {
	if key := h.Get(headerAPIKey); key != "" {
		return key
	}
	scheme, key, _ := strings.Cut(h.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(key)
}

// fromThisMachine reports whether the client's own end of the connection is
// here. What a proxy on this machine passes on comes from somewhere else.
func fromThisMachine(r *http.Request) bool {
	if passedOn(r.Header) {
		return false
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	return err == nil && isLoopback(host)
}

// passedOn reports whether a proxy says that it passed the request on.
func passedOn(h http.Header) bool {
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via"} {
		if len(h[name]) > 0 {
			return true
		}
	}
	return false
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// crossSite knows what a page of another site makes a browser send.
var crossSite = http.NewCrossOriginProtection()

// madeHere reports whether a request on a loopback address is this machine's own
// wish: not what a proxy passed on, nor what a page of the web makes a browser on
// this machine send, be it to the address itself or to a name of its own that it
// let point here (DNS rebinding).
func madeHere(r *http.Request) bool {
	return !passedOn(r.Header) && namesThisMachine(r.Host) && crossSite.Check(r) == nil
}

// namesThisMachine reports whether a Host header can mean this machine: it has a
// loopback address, or a name that nobody can register.
func namesThisMachine(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	return !strings.ContainsAny(host, ".:") || strings.HasSuffix(host, ".localhost") || isLoopback(host)
}

// refuse answers a request that may not be asked, with the header of RFC 6750.
func (s *server) refuse(c *gin.Context, reason string) {
	s.metrics.refused.WithLabelValues(reason).Inc()
	p := refusal(reason)
	switch {
	case reason == refusedMissing, reason == refusedForeign:
		c.Header("WWW-Authenticate", `Bearer realm="regulars"`)
	case p.Status == http.StatusUnauthorized:
		c.Header("WWW-Authenticate", `Bearer realm="regulars", error="invalid_token"`)
	case reason == refusedRole:
		c.Header("WWW-Authenticate", `Bearer realm="regulars", error="insufficient_scope"`)
	}
	s.fail(c, p)
}

// refusal words a refusal. To the outside, a key that does not open anything is
// the same whatever the reason.
func refusal(reason string) *problem {
	switch reason {
	case refusedMissing:
		return newProblem(http.StatusUnauthorized, "a key is needed: send it as Authorization: Bearer … or as X-API-Key")
	case refusedRole:
		return newProblem(http.StatusForbidden, "this key's role may not ask this")
	case refusedForeign:
		return newProblem(http.StatusForbidden, "without a key only this machine itself is answered, and this request came through a proxy, by a name of the web or from another site's page: make a key with `regulars keys create`")
	case refusedRate:
		return newProblem(http.StatusTooManyRequests, "this key asks more often than it may: try again after the time in Retry-After")
	}
	return newProblem(http.StatusUnauthorized, "the key is unknown, was revoked or has expired")
}
