//go:build integration

package api

import (
	"io"
	"net"
	"syscall"
	"testing"
	"time"
)

// TestIdleConnections holds 10,000 connections open, or as many as the limit of
// open files allows for both ends, of which some have asked something.
func TestIdleConnections(t *testing.T) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	limit.Cur = limit.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	count := int(min(10_000, (limit.Cur-300)/2))
	f := newFortress(t)
	f.fine("nothing is wrong")
	f.client.CloseIdleConnections()
	goroutines, heap := usage()
	idle := make([]net.Conn, count)
	for i := range idle {
		idle[i] = f.dial()
		if i%10 > 0 {
			continue
		}
		if _, err := io.WriteString(idle[i], "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
	}
	for range 200 {
		f.fine("connections are idle")
	}
	_, held := usage()
	t.Logf("%d idle connections hold %d kB each, both ends together", count, (int(held)-int(heap))/count/1000)
	for _, c := range idle {
		c.Close()
	}
	f.client.CloseIdleConnections()
	settle(t, goroutines, heap)
}

// TestSlowClientsAreCutOff: who does not finish the headers in 5 s is.
func TestSlowClientsAreCutOff(t *testing.T) {
	f := newFortress(t)
	begin := time.Now()
	c := f.dial()
	defer c.Close()
	if _, err := io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: x\r\nX-"); err != nil {
		t.Fatal(err)
	}
	if err := c.SetReadDeadline(begin.Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, c); err != nil {
		t.Errorf("it was not cut off: %v", err)
	}
	if took := time.Since(begin); took < readHeaderTimeout-time.Second {
		t.Errorf("it was cut off after %v", took)
	}
	f.fine("one was cut off")
}
