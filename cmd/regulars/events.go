package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"regulars/data/durable"
	"regulars/data/lake"
	"regulars/serving/events"
)

func newEvents(g *global) *cobra.Command {
	cmd := &cobra.Command{Use: "events", Short: "What the server was told: send it to the lake, see what waits",
		Long: `What the server was told over HTTP (events, contacts, identities, stock and prices)
is written to ` + events.FileName + ` at once and sent to the lake later: by the server every
serve.flush, before a job reads the lake, and by hand.`,
		Args: noArguments, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(newEventsFlush(g), newEventsStatus(g))
	return cmd
}

func newEventsFlush(g *global) *cobra.Command {
	return g.withJSON(&cobra.Command{Use: "flush", Short: "Send to the lake what it has not got", Args: noArguments,
		Example: "  regulars events flush --workspace my-shop",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return g.locked(cmd.Context(), func(w *workspace) error {
				report, err := w.flushEvents(cmd.Context())
				if err != nil {
					return err
				}
				if g.json {
					return printJSON(g.stdout, report)
				}
				return printFlush(g, report)
			})
		}})
}

func printFlush(g *global, report lake.Report) error {
	rows := [][]string{{"table", "sent", "new", "known before"}}
	for _, t := range report.Tables {
		rows = append(rows, []string{string(t.Table), fmt.Sprint(t.Read), fmt.Sprint(t.Accepted), fmt.Sprint(t.Duplicate)})
	}
	if len(rows) == 1 {
		_, err := fmt.Fprintln(g.stdout, "the lake has everything")
		return err
	}
	return printTable(g.stdout, rows)
}

func newEventsStatus(g *global) *cobra.Command {
	return g.withJSON(&cobra.Command{Use: "status", Short: "What is held, and what the lake has yet to get", Args: noArguments,
		Example: "  regulars events status --workspace my-shop",
		RunE: func(cmd *cobra.Command, _ []string) error {
			w, err := g.open(false)
			if err != nil {
				return err
			}
			st, err := w.eventsStatus(cmd.Context())
			if err != nil {
				return err
			}
			if g.json {
				return printJSON(g.stdout, st)
			}
			rows := [][]string{{"", "held", "the lake has yet to get"},
				{"events", fmt.Sprint(st.Events), fmt.Sprint(st.EventsWaiting)},
				{"order lines", "", fmt.Sprint(st.LinesWaiting)},
				{"contacts", fmt.Sprint(st.Contacts), fmt.Sprint(st.ContactsWaiting)},
				{"identities", fmt.Sprint(st.Links), ""},
				{"items", fmt.Sprint(st.Items), fmt.Sprint(st.ItemsWaiting)}}
			return printTable(g.stdout, rows)
		}})
}

func (w *workspace) eventsPath() string { return filepath.Join(w.dir, events.FileName) }

// openEvents opens the event log where there is one; nil: the workspace has none.
func (w *workspace) openEvents() (*events.DB, error) {
	if _, err := os.Stat(w.eventsPath()); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return events.OpenDB(w.eventsPath())
}

func (w *workspace) eventsStatus(ctx context.Context) (st events.Status, err error) {
	db, err := w.openEvents()
	if db == nil || err != nil {
		return st, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return db.Status(ctx)
}

// flushEvents sends to the lake what it has not got. The caller holds the lock.
func (w *workspace) flushEvents(ctx context.Context) (report lake.Report, err error) {
	db, err := w.openEvents()
	if db == nil || err != nil {
		return lake.Report{Tables: []lake.TableReport{}}, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return db.Flush(ctx, w.lake, time.Now(), time.Duration(w.config.Serve.KeepEvents))
}

// flushWait bounds how long a command waits for a flush to end.
const flushWait = time.Minute

// lockAfterFlush takes the workspace's lock. It does not wait for a job, which
// may take hours, but for a server's flush, of which nobody knows.
func lockAfterFlush(ctx context.Context, path string) (*durable.Lock, error) {
	l, err := durable.AcquireLock(path)
	if !errors.Is(err, durable.ErrLocked) || !strings.Contains(err.Error(), "regulars events flush") {
		return l, err
	}
	ctx, cancel := context.WithTimeout(ctx, flushWait)
	defer cancel()
	return durable.AcquireLockWait(ctx, path)
}

// readsLake are the jobs that begin by sending to the lake what it has not got.
var readsLake = map[string]bool{"pipeline": true, "features": true, "train": true}

// flushBefore does so for the jobs that read the lake anew. The caller holds the lock.
func (w *workspace) flushBefore(ctx context.Context, job string) error {
	if !readsLake[job] {
		return nil
	}
	_, err := w.flushEvents(ctx)
	return err
}
