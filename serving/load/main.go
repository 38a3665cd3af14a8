package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	part := "bench"
	if len(args) > 0 {
		part = args[0]
	}
	switch part {
	case "bench":
		return bench(ctx, out, args)
	case "client":
		var p plan
		if err := json.NewDecoder(in).Decode(&p); err != nil {
			return fmt.Errorf("reading the plan: %w", err)
		}
		seen, err := p.run(ctx)
		if err != nil {
			return err
		}
		return json.NewEncoder(out).Encode(seen)
	case "bare":
		return bare(ctx, in, out)
	}
	return fmt.Errorf("there is no part %q: bench, client or bare", part)
}
