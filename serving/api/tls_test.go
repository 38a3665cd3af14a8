package api

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// pair is a certificate that signs itself, and its key, as PEM.
type pair struct{ cert, key []byte }

func newPair(t *testing.T, name string) pair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{"shop.example"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pair{pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})}
}

// client trusts that certificate alone, and connects anew for each request.
func (p pair) client() *http.Client {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(p.cert)
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "shop.example"}}}
}

func put(t *testing.T, file string, content []byte) {
	t.Helper()
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestCertificateReload(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	old, fresh := newPair(t, "old"), newPair(t, "new")
	put(t, certFile, old.cert)
	put(t, keyFile, old.key)
	cert, err := OpenCertificate(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	if until := time.Until(cert.Expires()); until < 50*time.Minute || until > time.Hour {
		t.Errorf("it ends in %v", until)
	}
	address := serveTLS(t, cert.Config())
	reports := make(chan error, 10)
	ctx, stop := context.WithCancel(t.Context())
	watched := make(chan error, 1)
	go func() { watched <- cert.Watch(ctx, time.Millisecond, func(err error) { reports <- err }) }()

	mustTrust(t, "at first", old, address, true)
	put(t, certFile, fresh.cert) // its key comes later: the pair does not fit
	if err := <-reports; err == nil || !strings.Contains(err.Error(), certFile) {
		t.Errorf("half a renewal: %v", err)
	}
	mustTrust(t, "half renewed", old, address, true)
	put(t, keyFile, fresh.key)
	for err := range reports { // a file may have been seen while it was empty
		if err == nil {
			break
		}
	}
	mustTrust(t, "renewed", fresh, address, true)
	mustTrust(t, "renewed", old, address, false)
	if err := os.Remove(keyFile); err != nil {
		t.Fatal(err)
	}
	if err := <-reports; !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no key: %v", err)
	}
	mustTrust(t, "without its key's file", fresh, address, true)
	stop()
	if err := <-watched; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if len(reports) > 0 {
		t.Errorf("told again and again: %v", <-reports)
	}
}

func mustTrust(t *testing.T, when string, p pair, address string, want bool) {
	t.Helper()
	res, err := p.client().Get(address)
	if !want {
		var unknown x509.UnknownAuthorityError
		if !errors.As(err, &unknown) {
			t.Errorf("%s: %v, want an unknown authority", when, err)
		}
		return
	}
	if err != nil {
		t.Errorf("%s: %v", when, err)
		return
	}
	body, err := io.ReadAll(res.Body)
	if closed := res.Body.Close(); err != nil || closed != nil || string(body) != "hello" || res.ProtoMajor != 2 {
		t.Errorf("%s: %q by %s, %v, %v", when, body, res.Proto, err, closed)
	}
}

// serveTLS answers hello until the test ends, and returns the address.
func serveTLS(t *testing.T, config *tls.Config) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() {
		served <- Serve(ctx, tls.NewListener(ln, config), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }), nil)
	}()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return "https://" + ln.Addr().String()
}

func TestOldTLSAndPlainHTTPAreRefused(t *testing.T) {
	dir := t.TempDir()
	p := newPair(t, "it")
	put(t, filepath.Join(dir, "both.pem"), append(p.cert, p.key...)) // one file may hold both
	cert, err := OpenCertificate(filepath.Join(dir, "both.pem"), filepath.Join(dir, "both.pem"))
	if err != nil {
		t.Fatal(err)
	}
	address := serveTLS(t, cert.Config())
	for version, want := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		client := p.client()
		config := client.Transport.(*http.Transport).TLSClientConfig
		config.MinVersion, config.MaxVersion = version, version
		res, err := client.Get(address)
		if (err == nil) != want {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
		if err == nil {
			res.Body.Close()
		} else if !strings.Contains(err.Error(), "protocol version") {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
	}
	res, err := http.Get("http://" + strings.TrimPrefix(address, "https://"))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != 400 {
		t.Errorf("plain HTTP is answered with %d", res.StatusCode)
	}
}

func TestBadCertificates(t *testing.T) {
	dir := t.TempDir()
	p, other := newPair(t, "one"), newPair(t, "other")
	for name, content := range map[string][]byte{"cert": p.cert, "key": p.key, "other": other.key, "text": []byte("no PEM"), "cut": p.cert[:100]} {
		put(t, filepath.Join(dir, name), content)
	}
	for _, c := range []struct{ cert, key, want string }{
		{"none", "key", "reading the certificate: open"},
		{"cert", "none", "reading the certificate's key: open"},
		{"text", "key", "failed to find any PEM data in certificate"},
		{"cut", "key", "failed to find any PEM data in certificate"},
		{"cert", "text", "failed to find any PEM data in key"},
		{"cert", "other", "private key does not match public key"},
		{"key", "cert", "/key with the key"},
	} {
		_, err := OpenCertificate(filepath.Join(dir, c.cert), filepath.Join(dir, c.key))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s with %s: %v, want it to say %q", c.cert, c.key, err, c.want)
		}
	}
}

// TestHeadersHaveALimit: more than 64 kB (and 4 kB that net/http adds) of
// headers is refused before anybody looks at them.
func TestHeadersHaveALimit(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- Serve(ctx, ln, locked(t, Options{}), nil) }()
	for size, want := range map[int]int{60 << 10: 401, 70 << 10: 431} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+ln.Addr().String()+"/v1/popular", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-API-Key", strings.Repeat("x", size))
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("%d bytes are answered with %d, want %d", size, res.StatusCode, want)
		}
	}
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
}
