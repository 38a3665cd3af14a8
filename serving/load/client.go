package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"
)

// conn is a kept connection that asks one thing at a time. After the first few
// requests it allocates nothing.
type conn struct {
	net.Conn
	out, in []byte
}

func dial(address string) (*conn, error) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c, in: make([]byte, 0, 64<<10)}, nil
}

// maxAnswer bounds an answer with its head, in bytes.
const maxAnswer = 4 << 20

// ask sends the request in c.out and returns the status and the body, which is
// valid until the next.
func (c *conn) ask() (status int, body []byte, err error) {
	if _, err := c.Write(c.out); err != nil {
		return 0, nil, err
	}
	c.in = c.in[:0]
	for {
		if status, body, whole, err := parseAnswer(c.in); whole || err != nil {
			return status, body, err
		}
		if len(c.in) == maxAnswer {
			return 0, nil, fmt.Errorf("an answer has more than %d bytes", maxAnswer)
		}
		if len(c.in) == cap(c.in) {
			c.in = append(c.in, 0)[:len(c.in)]
		}
		n, err := c.Read(c.in[len(c.in):min(cap(c.in), maxAnswer)])
		c.in = c.in[:len(c.in)+n]
		if n == 0 && err != nil {
			return 0, nil, err
		}
	}
}

var (
	endOfHead     = []byte("\r\n\r\n")
	contentLength = []byte("\r\nContent-Length: ")
	errAnswer     = errors.New("not an answer of HTTP/1.1 with a Content-Length")
)

// parseAnswer takes an answer apart as this server and the bare one write it;
// whole is false while some of it is missing.
func parseAnswer(b []byte) (status int, body []byte, whole bool, err error) {
	end := bytes.Index(b, endOfHead)
	if end < 0 {
		return 0, nil, false, nil
	}
	head := b[:end+2]
	if len(head) < 12 || string(head[:9]) != "HTTP/1.1 " {
		return 0, nil, false, errAnswer
	}
	if status, err = strconv.Atoi(string(head[9:12])); err != nil {
		return 0, nil, false, errAnswer
	}
	_, rest, ok := bytes.Cut(head, contentLength)
	digits, _, _ := bytes.Cut(rest, []byte("\r\n"))
	n, err := strconv.Atoi(string(digits))
	if !ok || err != nil || n < 0 || n > maxAnswer {
		return 0, nil, false, errAnswer
	}
	body = b[end+4:]
	if len(body) > n {
		return 0, nil, false, errors.New("an answer is longer than its Content-Length")
	}
	return status, body, len(body) == n, nil
}

// deadline lets a stuck connection fail.
func (c *conn) deadline(after time.Duration) error { return c.SetDeadline(time.Now().Add(after)) }
