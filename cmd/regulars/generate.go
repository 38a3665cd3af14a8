package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"regulars/data"
	"regulars/data/lake"
	"regulars/data/synth"
)

func newGenerate(g *global) *cobra.Command {
	var o synth.Options
	cmd := &cobra.Command{
		Use:   "generate",
		Short: "Fill the lake with a simulated shop",
		Long: `Fill the lake with a simulated shop: orders, events, items, users and contacts.
The same options and seed give the same shop, to the byte.`,
		Example: "  regulars generate --workspace trial --users 5000 --items 800 --seed 7",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			w, err := g.open(true)
			if err != nil {
				return err
			}
			report, err := w.generate(cmd.Context(), o, newProgress(g.stderr))
			if err != nil {
				return err
			}
			if g.json {
				return printJSON(g.stdout, report)
			}
			return printImport(g.stdout, report)
		},
	}
	cmd.Flags().IntVar(&o.Users, "users", 20_000, "customers")
	cmd.Flags().IntVar(&o.Items, "items", 3_000, "items in the catalogue")
	cmd.Flags().IntVar(&o.Months, "months", 18, "length of the history")
	cmd.Flags().Uint64Var(&o.Seed, "seed", 1, "which shop")
	cmd.Flags().Float64Var(&o.Dirt, "dirt", 0, "bad rows added for each good one, to see them quarantined")
	return g.withJSON(cmd)
}

// shopTables are the tables of a simulated shop.
var shopTables = []data.Table{data.Users, data.Items, data.Orders, data.Events, data.Contacts}

// generate simulates a shop and imports it like any other source: validated,
// deduplicated, visible all at once.
func (w *workspace) generate(ctx context.Context, o synth.Options, bar *progress) (report lake.Report, err error) {
	lock, err := w.lock()
	if err != nil {
		return lake.Report{}, err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	shop, err := synth.New(o)
	if err != nil {
		return lake.Report{}, usageError{err}
	}
	im, err := w.lake.Begin()
	if err != nil {
		return lake.Report{}, err
	}
	defer func() { err = errors.Join(err, im.Abort()) }()
	source := lake.Source{Path: "simulated shop", As: "synth", SHA256: fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(nil, "%+v", o)))}
	if im.Known(source) {
		im.AddSource(source)
		return im.Commit()
	}
	for i, t := range shopTables {
		bar.step("simulating", i, len(shopTables))
		n, err := importTable(ctx, im, shop, t)
		if err != nil {
			return lake.Report{}, fmt.Errorf("simulating %s: %w", t, err)
		}
		source.Rows += n
	}
	bar.step("simulating", len(shopTables), len(shopTables))
	im.AddSource(source)
	return im.Commit()
}

func importTable(ctx context.Context, im *lake.Import, shop *synth.Shop, t data.Table) (total int64, err error) {
	reader, schema, err := shop.Table(t)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	rows := make([]data.Row, 4096)
	for {
		if err := ctx.Err(); err != nil {
			return total, err
		}
		n, err := reader.Read(rows)
		if n > 0 {
			if err := im.Write(lake.Batch{Schema: schema, Source: "simulated shop", First: total + 1, Rows: rows[:n]}); err != nil {
				return total, err
			}
			total += int64(n)
		}
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}
