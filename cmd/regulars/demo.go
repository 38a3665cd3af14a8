package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"regulars/cmd/regulars/config"
	"regulars/data"
	"regulars/data/synth"
)

func newDemo(g *global) *cobra.Command {
	var o demoOptions
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Simulate a shop, run the whole pipeline on it and serve it",
		Long: `Simulate a shop, import it, build features, train, evaluate, publish, score and
serve. Without --workspace everything lies in a temporary folder that is removed
at the end. With --once the demo asks its own server and ends.`,
		Example: `  regulars demo
  regulars demo --once
  regulars demo --users 2000 --workspace trial`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkShop(o.shop); err != nil {
				return err
			}
			o.keep = cmd.Flags().Changed("workspace")
			if o.once && !cmd.Flags().Changed("addr") {
				o.addr = "127.0.0.1:0"
			}
			return g.demo(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVar(&o.once, "once", false, "ask the server for lists and scores, tell it an event, and end")
	cmd.Flags().IntVar(&o.shop.Users, "users", 20_000, "customers")
	cmd.Flags().IntVar(&o.shop.Items, "items", 3_000, "items in the catalogue")
	cmd.Flags().IntVar(&o.shop.Months, "months", 18, "length of the history")
	cmd.Flags().Uint64Var(&o.shop.Seed, "seed", 1, "which shop")
	cmd.Flags().StringVar(&o.addr, "addr", config.Default().Serve.Addr, "host:port to listen on")
	return cmd
}

type demoOptions struct {
	shop synth.Options
	addr string
	once bool
	keep bool // the workspace was named and stays
}

func (g *global) demo(ctx context.Context, o demoOptions) (err error) {
	if !o.keep {
		if g.workspace, err = os.MkdirTemp("", "regulars-demo-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(g.workspace)) }()
	}
	w, err := g.demoWorkspace(o.addr)
	if err != nil {
		return err
	}
	// The address is bound first, so that one in use is known before the work.
	s, err := w.newServer(g.stderr, false)
	if err != nil {
		return err
	}
	bar := newProgress(g.stderr)
	report, err := w.generate(ctx, o.shop, bar)
	if err != nil {
		return errors.Join(err, s.abandon())
	}
	if err := printImport(g.stdout, report); err != nil {
		return errors.Join(err, s.abandon())
	}
	result, err := w.runJob(ctx, "pipeline", jobOptions{}, bar)
	if err != nil {
		return errors.Join(err, s.abandon())
	}
	if err := printReport(g.stdout, result); err != nil {
		return errors.Join(err, s.abandon())
	}
	s.fresh = false
	return g.demoServe(ctx, w, s, o.once)
}

// demoWorkspace prepares a folder that is new, or held a demo before.
func (g *global) demoWorkspace(addr string) (*workspace, error) {
	path := filepath.Join(g.workspace, config.FileName)
	w, err := g.open(true)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		err := w.disk.WriteFile(path, func(out io.Writer) error {
			_, err := io.WriteString(out, config.DefaultYAML)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	w.config.Serve.Addr = addr
	if err := w.config.Validate(); err != nil {
		return nil, usageError{fmt.Errorf("--addr: %w", err)}
	}
	return w, nil
}

// demoServe serves until ctx ends, or with once until it has answered itself.
func (g *global) demoServe(ctx context.Context, w *workspace, s *server, once bool) error {
	user, item, err := w.someOrder()
	if err != nil {
		return errors.Join(err, s.abandon())
	}
	base := "http://" + s.listener.Addr().String()
	paths := []string{
		"/v1/users/" + url.PathEscape(user) + "/recommendations?k=5",
		"/v1/users/" + url.PathEscape(user) + "/scores",
		"/v1/users/" + url.PathEscape(user) + "/recommendations?k=3&strategy=discovery&lang=zh",
		"/v1/users/nobody/recommendations?k=5",
		"/v1/items/" + url.PathEscape(item) + "/similar?k=5",
	}
	if !once {
		fmt.Fprintf(g.stdout, "\nThe workspace is %s. Ask the server (Ctrl-C ends the demo):\n", w.dir)
		for _, p := range append(paths, "/v1/popular?k=5", "/v1/jobs", "/metrics") {
			fmt.Fprintf(g.stdout, "  curl '%s%s'\n", base, p)
		}
		fmt.Fprintf(g.stdout, `  curl -G '%[1]s/v1/popular?k=5' --data-urlencode 'filter=item.price < 20'
  curl -d '{"type":"view","session_id":"me","item_id":"%[2]s"}' '%[1]s/v1/events'
  curl -d '{"session_id":"me","k":5}' '%[1]s/v1/recommendations'
  curl -G '%[1]s/v1/audiences?format=csv&limit=5' --data-urlencode 'filter=score.churn > 0.6'
`, base, item)
		return s.run(ctx)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- s.run(ctx) }()
	asked := g.ask(ctx, base, paths)
	if asked == nil {
		asked = g.askAndTell(ctx, base, user)
	}
	cancel()
	return errors.Join(asked, <-ended)
}

// someOrder returns a customer and an item of the lake's first order line.
func (w *workspace) someOrder() (user, item string, err error) {
	reader, schema, err := w.lake.Reader(data.Orders)
	if err != nil {
		return "", "", err
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	rows := make([]data.Row, 1)
	if n, err := reader.Read(rows); n == 0 {
		return "", "", fmt.Errorf("reading the first order: %w", err)
	}
	return rows[0][schema.Index("user_id")].Str(), rows[0][schema.Index("item_id")].Str(), nil
}

// ask fetches every path, prints the answers and wants each to be a 200.
func (g *global) ask(ctx context.Context, base string, paths []string) error {
	if err := awaitReady(ctx, base); err != nil {
		return err
	}
	for _, p := range paths {
		if _, err := g.exchange(ctx, http.MethodGet, base+p, ""); err != nil {
			return err
		}
	}
	return nil
}

func awaitReady(ctx context.Context, base string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		err := reach(ctx, base+"/readyz")
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the server did not become ready: %w", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// reach wants an address to answer with 200.
func reach(ctx context.Context, address string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	if err := resp.Body.Close(); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: status %d", address, resp.StatusCode)
	}
	return nil
}
