package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"regulars/data/durable"
	"regulars/training/schedule"
)

func main() {
	boundGarbage()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// Exit codes: 0 only if everything asked for was done.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
	exitBusy   = schedule.ExitBusy // nothing was done, because another job is at work
)

// usageError is a command line that cannot be understood.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

// run is the whole program: it carries out args and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRoot(stdout, stderr)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var usage usageError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "regulars: %v\nRun `%s --help` for how it is used.\n", err, commandPath(root, args))
		return exitUsage
	case errors.Is(err, durable.ErrLocked):
		fmt.Fprintf(stderr, "regulars: %v\n", err)
		return exitBusy
	case ctx.Err() != nil:
		fmt.Fprintf(stderr, "regulars: stopped: %v\n", err)
	default:
		fmt.Fprintf(stderr, "regulars: %v\n", err)
	}
	return exitFailed
}

func commandPath(root *cobra.Command, args []string) string {
	if cmd, _, err := root.Find(args); err == nil {
		return cmd.CommandPath()
	}
	return root.CommandPath()
}
