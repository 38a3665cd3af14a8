package schedule

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"regulars/data/state"
)

// niceness of children: they give way to the server on the same cores.
const niceness = 10

// outcome is how a child ended.
type outcome struct {
	id, status, text string
	exitCode         int
}

// run carries out one run from its record to its record. Its bookkeeping goes
// on after ctx has ended, so that the history tells of the end.
func (s *Scheduler) run(ctx context.Context, e Entry) (outcome, error) {
	record, err := s.begin(ctx, e, state.Schedule)
	if err != nil {
		return outcome{}, err
	}
	return s.carryOut(ctx, e, record)
}

// begin records that a run begins.
func (s *Scheduler) begin(ctx context.Context, e Entry, trigger string) (state.Run, error) {
	books := context.WithoutCancel(ctx)
	if _, err := s.opts.DB.MarkInterrupted(books, state.ProcessAlive); err != nil {
		return state.Run{}, err
	}
	return s.opts.DB.StartRun(books, state.Run{Job: e.Job, Trigger: trigger,
		StartedAt: s.opts.Now(), PID: os.Getpid(), Log: s.logFolder()})
}

// carryOut runs the child of a run that has begun, and records its end.
func (s *Scheduler) carryOut(ctx context.Context, e Entry, record state.Run) (outcome, error) {
	books := context.WithoutCancel(ctx)
	result := s.child(ctx, e, record)
	if done, ok, err := s.opts.DB.Run(books, record.ID); err == nil && ok && done.Status == state.Succeeded && result.status == state.Succeeded {
		return result, nil // the child has said so itself, lest its success be lost with us
	}
	err := s.opts.DB.FinishRun(books, record.ID, result.status, result.exitCode, result.text, nil)
	return result, err
}

// logFolder is the folder of the logs as the history names it: relative to the
// workspace where it lies inside.
func (s *Scheduler) logFolder() string {
	folder := s.opts.LogDir
	if relative, err := filepath.Rel(s.opts.DB.Dir(), folder); err == nil && filepath.IsLocal(relative) {
		folder = relative
	}
	return filepath.ToSlash(folder) + "/"
}

// child runs the command of an entry to its end.
func (s *Scheduler) child(ctx context.Context, e Entry, record state.Run) outcome {
	result := outcome{id: record.ID, status: state.Failed, exitCode: -1}
	log, err := createLog(filepath.Join(s.opts.LogDir, record.ID+".log"))
	if err != nil {
		result.text = err.Error()
		return result
	}
	defer log.Close() // the child's writes are the ones that matter, and it has checked them
	cmd := s.opts.Command(context.WithoutCancel(ctx), e, record.ID)
	prepare(cmd, log, record.ID)
	if err := cmd.Start(); err != nil {
		result.text = fmt.Sprintf("cannot start %s: %v", cmd.Path, err)
		return result
	}
	yield(cmd.Process.Pid)
	pidErr := s.opts.DB.SetPID(context.WithoutCancel(ctx), record.ID, cmd.Process.Pid)
	stopped, waitErr := s.wait(ctx, cmd)
	judge(&result, cmd.ProcessState, stopped, errors.Join(waitErr, pidErr), log)
	return result
}

func createLog(path string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("cannot make the log folder: %w", err)
	}
	log, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("cannot make the log: %w", err)
	}
	return log, nil
}

// prepare gives the child its log, its run and a process group of its own. The
// log is the child's own file, not a pipe: a child that outlives a killed
// server can still write, and a grandchild cannot keep us waiting.
func prepare(cmd *exec.Cmd, log *os.File, runID string) {
	cmd.Stdin, cmd.Stdout, cmd.Stderr = nil, log, log
	cmd.Env = append(cmd.Environ(), EnvRunID+"="+runID)
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
}

// yield lowers the priority of the child and all of its threads: on Linux
// PRIO_PROCESS would reach the first thread only. Best effort: a system that
// refuses runs the job all the same.
func yield(pid int) {
	_ = syscall.Setpriority(syscall.PRIO_PGRP, pid, niceness)
}

// wait returns when the child has ended and whether that was asked of it,
// because ctx had ended. What the child left in its group is killed.
func (s *Scheduler) wait(ctx context.Context, cmd *exec.Cmd) (stopped bool, err error) {
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	group := -cmd.Process.Pid
	defer func() { _ = syscall.Kill(group, syscall.SIGKILL) }() // mostly there is nobody left
	select {
	case err = <-ended:
		return false, err
	case <-ctx.Done():
	}
	_ = syscall.Kill(group, syscall.SIGTERM) // fails only when all have just ended
	grace := time.NewTimer(s.opts.Grace)
	defer grace.Stop()
	select {
	case err = <-ended:
	case <-grace.C:
		_ = syscall.Kill(group, syscall.SIGKILL)
		err = <-ended
	}
	return true, err
}

// judge turns the end of a child into the outcome that the history records.
func judge(result *outcome, end *os.ProcessState, stopped bool, err error, log *os.File) {
	result.exitCode = end.ExitCode()
	status, _ := end.Sys().(syscall.WaitStatus)
	switch {
	case err == nil:
		result.status = state.Succeeded
	case end.Success():
		result.text = "the run succeeded, its bookkeeping did not: " + err.Error()
	case stopped:
		result.status = state.Interrupted
		result.text = join("stopped with the server", tail(log))
	case result.exitCode == ExitBusy:
		result.status = state.Skipped
		result.text = join("another job was at work", tail(log))
	case status.Signaled() && status.Signal() == syscall.SIGKILL:
		result.text = join("killed from outside, perhaps for want of memory", tail(log))
	case status.Signaled():
		result.text = join("ended by signal: "+status.Signal().String(), tail(log))
	default:
		result.text = tail(log)
	}
}

func join(cause, lines string) string {
	if lines == "" {
		return cause
	}
	return cause + "\n" + lines
}

// How much of a log the history quotes as the error.
const (
	tailLines = 8
	tailBytes = 2000
)

// tail returns the last lines of a log, which is where a command says why it
// failed.
func tail(log *os.File) string {
	size, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return "its log cannot be read: " + err.Error()
	}
	begin := max(0, size-tailBytes)
	text, err := io.ReadAll(io.NewSectionReader(log, begin, size-begin))
	if err != nil {
		return "its log cannot be read: " + err.Error()
	}
	lines := strings.Split(strings.TrimSpace(strings.ToValidUTF8(string(text), "")), "\n")
	if begin > 0 && len(lines) > 1 {
		lines = lines[1:] // cut in the middle
	}
	return strings.Join(lines[max(0, len(lines)-tailLines):], "\n")
}
