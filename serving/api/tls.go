package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"os"
	"sync/atomic"
	"time"
)

// Certificate is a certificate and its key, read from files, and read again
// when they change: connections made from then on get the new one.
type Certificate struct {
	certFile, keyFile string
	current           atomic.Pointer[tls.Certificate]
	seen              [sha256.Size]byte // of the contents that were last tried
}

// OpenCertificate reads a certificate (with those of its issuers behind it) and
// its key from PEM files. The error names the file that is wrong.
func OpenCertificate(certFile, keyFile string) (*Certificate, error) {
	c := &Certificate{certFile: certFile, keyFile: keyFile}
	if _, err := c.reload(); err != nil {
		return nil, err
	}
	return c, nil
}

// Config returns what a listener needs: TLS 1.2 or later, HTTP/2 or HTTP/1.1.
func (c *Certificate) Config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.current.Load(), nil }}
}

// Expires returns when the certificate in use ends.
func (c *Certificate) Expires() time.Time { return c.current.Load().Leaf.NotAfter }

// Watch looks at every interval whether the files have changed, by what they
// hold: a renewal may replace a link and leave dates and sizes alike. report is
// told nil when a new certificate is in use, and an error once when what the
// files now hold cannot be used; the one before then stays. It returns ctx.Err()
// once ctx ends. Only one goroutine may call it.
func (c *Certificate) Watch(ctx context.Context, interval time.Duration, report func(error)) error {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	unreadable := ""
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
		changed, err := c.reload()
		switch {
		case changed:
			unreadable = ""
			report(err)
		case err != nil && err.Error() != unreadable:
			unreadable = err.Error()
			report(err)
		}
	}
}

// reload takes the files into use when they hold something new. It reports
// whether they do; an error without that says that they cannot be read.
func (c *Certificate) reload() (changed bool, err error) {
	cert, err := os.ReadFile(c.certFile)
	if err != nil {
		return false, fmt.Errorf("reading the certificate: %w", err)
	}
	key, err := os.ReadFile(c.keyFile)
	if err != nil {
		return false, fmt.Errorf("reading the certificate's key: %w", err)
	}
	content := sha256.Sum256(bytes.Join([][]byte{cert, key}, []byte{0}))
	if content == c.seen {
		return false, nil
	}
	c.seen = content
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return true, fmt.Errorf("the certificate %s with the key %s: %w", c.certFile, c.keyFile, err)
	}
	c.current.Store(&pair)
	return true, nil
}
