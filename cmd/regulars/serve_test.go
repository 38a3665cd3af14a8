package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"regulars/cmd/regulars/config"
	"regulars/data/state"
)

// emptyShop is a workspace without anything, whose server takes any free port.
func emptyShop(t *testing.T) *workspace {
	t.Helper()
	g := &global{workspace: t.TempDir(), stdout: io.Discard, stderr: io.Discard}
	w, err := g.open(false)
	if err != nil {
		t.Fatal(err)
	}
	w.config.Serve.Addr = "127.0.0.1:0"
	return w
}

func newKey(t *testing.T, w *workspace, role string) (id, text string) {
	t.Helper()
	db, err := w.state()
	if err != nil {
		t.Fatal(err)
	}
	k, text, err := db.CreateKey(t.Context(), state.Key{Role: role})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	return k.ID, text
}

// served runs the server of a workspace until the test ends.
func served(t *testing.T, w *workspace) *server {
	t.Helper()
	s, err := w.newServer(t.Output(), false)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return s
}

// awaitStatus asks for a path with a key, and waits until the answer is as wanted.
func awaitStatus(t *testing.T, client *http.Client, address, key string, want int) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+key)
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s answered %d, want %d", address, resp.StatusCode, want)
		}
	}
}

// A running server learns of keys that others make and revoke.
func TestServerFollowsKeys(t *testing.T) {
	w := emptyShop(t)
	jobs := "http://" + served(t, w).listener.Addr().String() + "/v1/jobs"
	awaitStatus(t, http.DefaultClient, jobs, "", 200)
	id, admin := newKey(t, w, "admin")
	awaitStatus(t, http.DefaultClient, jobs, "", 401)
	awaitStatus(t, http.DefaultClient, jobs, admin, 200)
	_, shop := newKey(t, w, "storefront")
	awaitStatus(t, http.DefaultClient, jobs, shop, 403)
	if code := run(t.Context(), []string{"keys", "revoke", id, "--forget", "--workspace", w.dir}, io.Discard, io.Discard); code != exitDone {
		t.Fatalf("revoking ended with %d", code)
	}
	awaitStatus(t, http.DefaultClient, jobs, admin, 401)
}

func TestBindingBeyondThisMachineNeedsKeys(t *testing.T) {
	w := emptyShop(t)
	bind := func(addr string) error {
		w.config.Serve.Addr = addr
		s, err := w.newServer(io.Discard, false)
		if err != nil {
			return err
		}
		return s.abandon()
	}
	beyond := []string{":0", "0.0.0.0:0", "[::]:0"}
	var usage usageError
	for _, addr := range beyond {
		if err := bind(addr); !errors.As(err, &usage) || !strings.Contains(err.Error(), "regulars keys create") {
			t.Errorf("%s without keys: %v", addr, err)
		}
	}
	for _, addr := range []string{"127.0.0.1:0", "127.1.2.3:0", "localhost:0"} {
		if err := bind(addr); err != nil {
			t.Errorf("%s: %v", addr, err)
		}
	}
	if err := bind("256.1.1.1:0"); err == nil || errors.As(err, &usage) {
		t.Errorf("no such address: %v", err)
	}
	id, _ := newKey(t, w, "storefront")
	if code := run(t.Context(), []string{"keys", "revoke", id, "--workspace", w.dir}, io.Discard, io.Discard); code != exitDone {
		t.Fatalf("revoking ended with %d", code)
	}
	for _, addr := range beyond[:2] { // a machine may have no IPv6
		if err := bind(addr); err != nil {
			t.Errorf("%s where every request needs a key: %v", addr, err)
		}
	}
}

// Where the history cannot be written, keys count all the same; where they
// cannot be read, there is no server.
func TestServerWithoutHistoryKeepsKeys(t *testing.T) {
	w := emptyShop(t)
	_, text := newKey(t, w, "storefront")
	_, admin := newKey(t, w, "admin")
	if err := w.withState(func(db *state.DB) error { return db.SetOptOut(t.Context(), "shy", true) }); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(w.statePath()+"-shm", 0o755); err != nil { // in the way of SQLite
		t.Fatal(err)
	}
	if _, err := w.state(); err == nil {
		t.Fatal("the database could be opened: this test tests nothing")
	}
	s := served(t, w)
	popular := "http://" + s.listener.Addr().String() + "/v1/popular"
	awaitStatus(t, http.DefaultClient, popular, "", 401)
	awaitStatus(t, http.DefaultClient, popular, text, 503) // there is no snapshot
	if out, known := s.live().OptedOut("shy"); !out || !known {
		t.Error("it is forgotten who refused personalisation")
	}
	awaitStatus(t, http.DefaultClient, "http://"+s.listener.Addr().String()+"/v1/users/ann/data", admin, 503)
	if err := os.Truncate(w.statePath(), 5000); err != nil {
		t.Fatal(err)
	}
	if _, err := w.newServer(io.Discard, false); err == nil || !strings.Contains(err.Error(), "cannot be told who may ask") {
		t.Errorf("started with damaged keys: %v", err)
	}
}

func TestServerSpeaksTLS(t *testing.T) {
	w := emptyShop(t)
	model := httptest.NewTLSServer(http.NotFoundHandler()) // it has a certificate
	defer model.Close()
	cert := model.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: cert.Certificate[0]}, "key.pem": {Type: "PRIVATE KEY", Bytes: key}} {
		if err := os.WriteFile(filepath.Join(w.dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w.config.Serve.TLSCert, w.config.Serve.TLSKey = "cert.pem", filepath.Join(w.dir, "key.pem")
	awaitStatus(t, model.Client(), "https://"+served(t, w).listener.Addr().String()+"/healthz", "", 200)

	w.config.Serve.TLSKey = "none.pem"
	if _, err := w.newServer(io.Discard, false); err == nil || !strings.Contains(err.Error(), "serve.tls_cert and serve.tls_key: reading") {
		t.Errorf("no key file: %v", err)
	}
}

// serve.rate reaches the handler.
func TestServerBoundsTheRate(t *testing.T) {
	w := emptyShop(t)
	w.config.Serve.Rate = config.Rate{PerSecond: .001, Burst: 2}
	_, text := newKey(t, w, "admin")
	jobs := "http://" + served(t, w).listener.Addr().String() + "/v1/jobs"
	awaitStatus(t, http.DefaultClient, jobs, text, 200)
	awaitStatus(t, http.DefaultClient, jobs, text, 200)
	awaitStatus(t, http.DefaultClient, jobs, text, 429)
}

func TestServerWarns(t *testing.T) {
	w := emptyShop(t)
	id, _ := newKey(t, w, "admin")
	if code := run(t.Context(), []string{"keys", "revoke", id, "--workspace", w.dir}, io.Discard, io.Discard); code != exitDone {
		t.Fatalf("revoking ended with %d", code)
	}
	var log bytes.Buffer
	w.config.Serve.Addr = "0.0.0.0:0"
	s, err := w.newServer(&log, false)
	if err != nil {
		t.Fatal(err)
	}
	s.store.Close()
	if err := errors.Join(s.listener.Close(), s.closeHistory()); err != nil {
		t.Error(err)
	}
	for _, want := range []string{"travel in the clear", "no key is valid"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log does not say %q: %s", want, &log)
		}
	}
}

func TestAddressInUse(t *testing.T) {
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	addr := other.Addr().String()
	if err := (&server{}).bind(addr, "shop"); err == nil || !strings.Contains(err.Error(), addr+" is in use already: name another with --addr") {
		t.Errorf("listening where another does: %v", err)
	}
}
