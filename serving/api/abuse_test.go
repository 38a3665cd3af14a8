package api

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// fortress is a server on loopback, as `regulars serve` runs it.
type fortress struct {
	t      *testing.T
	addr   string
	client *http.Client
	stop   func()
}

func newFortress(t *testing.T) *fortress {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() {
		served <- Serve(ctx, ln, New(Options{Store: loaded(t, 50), Jobs: history{}, NewID: fixedID}), nil)
	}()
	f := &fortress{t: t, addr: ln.Addr().String(), client: &http.Client{Transport: &http.Transport{}, Timeout: 20 * time.Second}}
	f.stop = sync.OnceFunc(func() {
		f.client.CloseIdleConnections()
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(f.stop)
	return f
}

// fine checks that everyone else is served.
func (f *fortress) fine(while string) {
	f.t.Helper()
	res, err := f.client.Get("http://" + f.addr + "/v1/users/17850/recommendations?k=20")
	if err != nil {
		f.t.Fatalf("while %s: %v", while, err)
	}
	defer res.Body.Close()
	if body, err := io.ReadAll(res.Body); err != nil || res.StatusCode != 200 || strings.Count(string(body), "item_id") != 20 {
		f.t.Fatalf("while %s: %d %s %v", while, res.StatusCode, body, err)
	}
}

func (f *fortress) dial() *net.TCPConn {
	f.t.Helper()
	c, err := net.Dial("tcp", f.addr)
	if err != nil {
		f.t.Fatal(err)
	}
	return c.(*net.TCPConn)
}

// raw sends bytes as they are and returns the status and body of the answer.
func (f *fortress) raw(request string) (int, string) {
	f.t.Helper()
	c := f.dial()
	defer c.Close()
	go io.WriteString(c, request) // which the server may stop reading
	if err := c.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		f.t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		f.t.Fatalf("%.80q: %v", request, err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(body)
}

// settle waits until the goroutines and the memory are back where they were.
func settle(t *testing.T, goroutines int, heap uint64) {
	t.Helper()
	const slack = 8 << 20
	var m runtime.MemStats
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		runtime.GC()
		runtime.ReadMemStats(&m)
		if n := runtime.NumGoroutine(); n <= goroutines+2 && m.HeapAlloc <= heap+slack {
			return
		} else if time.Now().After(deadline) {
			t.Fatalf("%d goroutines and %d bytes are left; there were %d and %d", n, m.HeapAlloc, goroutines, heap)
		}
	}
}

func usage() (goroutines int, heap uint64) {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return runtime.NumGoroutine(), m.HeapAlloc
}

func TestMalformedRequestsOnTheWire(t *testing.T) {
	f := newFortress(t)
	f.fine("nothing is wrong")
	goroutines, heap := usage()
	get := func(target string) string {
		return "GET " + target + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
	}
	post := func(length int, body string) string {
		return fmt.Sprintf("POST /v1/recommendations HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", length, body)
	}
	for name, c := range map[string]struct {
		request string
		status  int
	}{
		"10 MB":                {post(10<<20, `{"users":["`+strings.Repeat("x", 10<<20)), 413},
		"10 MB in chunks":      {"POST /v1/recommendations HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n" + strings.Repeat("10000\r\n"+strings.Repeat("x", 1<<16)+"\r\n", 160) + "0\r\n\r\n", 413},
		"broken UTF-8":         {post(13, "{\"users\":[\"\xff\""), 400},
		"NUL in an id":         {get("/v1/users/%00/scores"), 404},
		"encoded slashes":      {get("/v1/users/..%2f..%2fetc%2fpasswd/scores"), 404},
		"dot segments":         {get("/v1/users/../../etc/passwd"), 404},
		"encoded dots":         {get("/v1/users/%2e%2e/scores"), 404},
		"doubled slash":        {get("//v1/popular"), 404},
		"dot":                  {get("/v1/./popular"), 404},
		"backslash":            {get(`/v1\popular`), 404},
		"broken escape":        {get("/v1/users/%zz/scores"), 400},
		"broken UTF-8 in path": {get("/v1/users/\xff/scores"), 400},
		"whole address":        {get("http://elsewhere/healthz"), 200},
		"no path":              {get("*"), 404},
		"no Host":              {"GET /healthz HTTP/1.1\r\n\r\n", 400},
		"no HTTP":              {"\x16\x03\x01 what\r\n\r\n", 400},
		"long header":          {"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 200<<10) + "\r\n\r\n", 431},
		"two lengths":          {"POST /v1/recommendations HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}", 400},
		"length below nothing": {post(-1, ""), 400},
	} {
		status, body := f.raw(c.request)
		if status != c.status || strings.Contains(body, "goroutine") || strings.Contains(body, os.TempDir()) {
			t.Errorf("%s: answered %d %.200s, want %d", name, status, body, c.status)
		}
		f.fine(name)
	}
	f.client.CloseIdleConnections()
	settle(t, goroutines, heap)
}

// TestHalfClosedSocket: a client that has said all and closes its side still
// gets its answer.
func TestHalfClosedSocket(t *testing.T) {
	f := newFortress(t)
	goroutines, heap := usage()
	for range 50 {
		c := f.dial()
		if _, err := io.WriteString(c, "GET /v1/popular?k=3 HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if err := c.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || res.StatusCode != 200 {
			t.Fatalf("answered %+v, %v", res, err)
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	settle(t, goroutines, heap)
}

// TestSlowClients: many that never finish a request keep nobody waiting, and
// leave nothing behind when they go.
func TestSlowClients(t *testing.T) {
	f := newFortress(t)
	f.fine("nothing is wrong")
	f.client.CloseIdleConnections()
	goroutines, heap := usage()
	var slow []net.Conn
	for i := range 300 {
		c := f.dial()
		slow = append(slow, c)
		begun := []string{"", "GET /v1/pop", "GET /healthz HTTP/1.1\r\nHost: x\r\nX-", "POST /v1/recommendations HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{\"users\":["}[i%4]
		if _, err := io.WriteString(c, begun); err != nil {
			t.Fatal(err)
		}
	}
	for range 50 {
		f.fine("300 clients are slow")
	}
	for _, c := range slow {
		c.Close()
	}
	f.client.CloseIdleConnections()
	settle(t, goroutines, heap)
}
