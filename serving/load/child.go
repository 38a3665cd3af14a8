package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// child is a process that answers at an address.
type child struct {
	cmd     *exec.Cmd
	address string
	ended   chan struct{} // closed when it has
}

// stop asks the process to end, and waits.
func (c *child) stop() {
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	<-c.ended
}

func (c *child) wait() {
	c.ended = make(chan struct{})
	go func() { _ = c.cmd.Wait(); close(c.ended) }()
}

// startBare starts the bare part of this program.
func startBare(ctx context.Context, answers bodies) (*child, error) {
	given, err := json.Marshal(answers)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &child{cmd: exec.CommandContext(ctx, self, "bare")}
	c.cmd.Stdin, c.cmd.Stderr = bytes.NewReader(given), os.Stderr
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	c.address = strings.TrimSpace(line)
	c.wait()
	return c, err
}

// startServer starts the server of a workspace with its log in a file, and
// returns how long it took until it was ready.
func startServer(ctx context.Context, regulars, workspace string) (*child, time.Duration, error) {
	logPath := filepath.Join(workspace, "serve.log")
	log, err := os.Create(logPath)
	if err != nil {
		return nil, 0, err
	}
	defer log.Close()
	c := &child{cmd: exec.CommandContext(ctx, regulars, "serve", "--workspace", workspace, "--addr", "127.0.0.1:0")}
	c.cmd.Stdout, c.cmd.Stderr = log, log
	start := time.Now()
	if err := c.cmd.Start(); err != nil {
		return nil, 0, err
	}
	c.wait()
	for time.Since(start) < patience {
		select {
		case <-c.ended:
			return nil, 0, fmt.Errorf("the server ended: see %s", logPath)
		case <-time.After(5 * time.Millisecond):
		}
		if c.address == "" {
			c.address = listening(logPath)
		} else if _, err := c.fetch("GET", "/readyz", "", ""); err == nil {
			return c, time.Since(start), nil
		}
	}
	c.stop()
	return nil, 0, fmt.Errorf("the server was not ready after %v: see %s", patience, logPath)
}

var listeningAt = regexp.MustCompile(`address=http://(\S+)`)

// listening finds the address in the log of a server; "" where it is not there yet.
func listening(logPath string) string {
	text, err := os.ReadFile(logPath)
	if err != nil {
		return ""
	}
	if found := listeningAt.FindSubmatch(text); found != nil {
		return string(found[1])
	}
	return ""
}

// fetch asks once, on a connection of its own.
func (c *child) fetch(method, path, key, body string) (string, error) {
	r, err := http.NewRequest(method, "http://"+c.address+path, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	r.Close = true
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: status %d: %s", method, path, answer.StatusCode, text)
	}
	return string(text), err
}

// metric reads a number from /metrics.
func (c *child) metric(name string) (float64, error) {
	text, err := c.fetch("GET", "/metrics", "", "")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strconv.ParseFloat(strings.TrimSpace(value), 64)
		}
	}
	return 0, fmt.Errorf("/metrics has no %s", name)
}

// resident is the memory of the process that the system counts, in bytes.
func (c *child) resident() (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, after, _ := strings.Cut(string(text), "VmRSS:")
	fields := strings.Fields(after)
	if len(fields) == 0 {
		return 0, errors.New("the system does not tell what memory is resident")
	}
	kib, err := strconv.ParseFloat(fields[0], 64)
	return kib * 1024, err
}

// ticksASecond is what Linux counts processor time in.
const ticksASecond = 100

// processor is the processor time that the process has had, in seconds.
func (c *child) processor() (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	user, err := strconv.ParseFloat(fields[11], 64)
	if err != nil {
		return 0, err
	}
	system, err := strconv.ParseFloat(fields[12], 64)
	return (user + system) / ticksASecond, err
}

// client runs a plan in a process of its own.
func client(ctx context.Context, p plan) (s seen, err error) {
	given, err := json.Marshal(p)
	if err != nil {
		return s, err
	}
	self, err := os.Executable()
	if err != nil {
		return s, err
	}
	cmd := exec.CommandContext(ctx, self, "client")
	cmd.Stdin, cmd.Stderr = bytes.NewReader(given), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return s, fmt.Errorf("the client: %w", err)
	}
	if err := json.Unmarshal(out, &s); err != nil {
		return s, err
	}
	s.Client = 1e6 * (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds() / float64(s.All)
	return s, nil
}

// command runs the program and returns what it printed.
func command(ctx context.Context, regulars string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, regulars, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("regulars %s: %w\n%s", strings.Join(args, " "), err, errs.Bytes())
	}
	return strings.TrimSpace(out.String()), nil
}

// begin starts the program in a process group of its own at the priority that
// scheduled jobs have, and returns what tells whether it has ended, and what ends it.
func begin(ctx context.Context, regulars string, log io.Writer, args ...string) (running func() bool, stop func(), err error) {
	cmd := exec.CommandContext(ctx, regulars, args...)
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = log, log, &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	group := cmd.Process.Pid
	if err := syscall.Setpriority(syscall.PRIO_PGRP, group, 10); err != nil {
		return nil, nil, errors.Join(err, cmd.Process.Kill(), cmd.Wait())
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	running = func() bool {
		select {
		case <-ended:
			return false
		default:
			return true
		}
	}
	return running, func() { _ = syscall.Kill(-group, syscall.SIGKILL); <-ended }, nil
}
