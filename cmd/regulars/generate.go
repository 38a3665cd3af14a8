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
	var season float64
	cmd := &cobra.Command{
		Use:   "generate",
		Short: "Fill the lake with a simulated shop",
		Long: `Fill the lake with a simulated shop: orders, events, items, users and contacts.
The same options and seed give the same shop, to the byte.`,
		Example: `  regulars generate --workspace trial --users 5000 --items 800 --seed 7
  regulars generate --workspace seasonal --months 36 --season 0.6`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkShop(o); err != nil {
				return err
			}
			if cmd.Flags().Changed("season") {
				var err error
				if o.Season, err = seasonOption(season); err != nil {
					return err
				}
			}
			w, err := g.open(true)
			if err != nil {
				return err
			}
			report, err := w.generate(cmd.Context(), o, newProgress(g.stderr))
			if err != nil {
				return err
			}
			return g.printImport(report)
		},
	}
	cmd.Flags().IntVar(&o.Users, "users", 20_000, "customers")
	cmd.Flags().IntVar(&o.Items, "items", 3_000, "items in the catalogue")
	cmd.Flags().IntVar(&o.Months, "months", 18, "length of the history")
	cmd.Flags().Float64Var(&season, "season", synth.DefaultSeason, "orders at the peak of the year, mid December, over those of a mean day, less 1; 0 for no season")
	cmd.Flags().Uint64Var(&o.Seed, "seed", 1, "which shop")
	cmd.Flags().Float64Var(&o.Dirt, "dirt", 0, "bad rows added for each good one, to see them quarantined")
	return g.withJSON(cmd)
}

// checkShop refuses sizes that would silently mean the default.
func checkShop(o synth.Options) error {
	for name, n := range map[string]int{"--users": o.Users, "--items": o.Items, "--months": o.Months} {
		if n < 1 {
			return usageError{fmt.Errorf("%s is %d: it must be above 0", name, n)}
		}
	}
	return nil
}

// seasonOption is the option that a flag means: there 0 is none, which among
// options whose zero value is the default is below 0.
func seasonOption(flag float64) (float64, error) {
	if !(flag >= 0) {
		return 0, usageError{fmt.Errorf("--season is %v: it must be 0 (no season) or above", flag)}
	}
	if flag == 0 {
		return -1, nil
	}
	return flag, nil
}

// shopTables are the tables of a simulated shop.
var shopTables = []data.Table{data.Users, data.Items, data.Orders, data.Events, data.Contacts}

// simulatedAs marks the imports that were simulated.
const simulatedAs = "synth"

// generate simulates a shop and imports it like any other source: validated,
// deduplicated, visible all at once. A lake that holds anything else is left
// alone, because there is no telling the two apart afterwards.
func (w *workspace) generate(ctx context.Context, o synth.Options, bar *progress) (lake.Report, error) {
	shop, err := synth.New(o)
	if err != nil {
		return lake.Report{}, usageError{err}
	}
	source := lake.Source{Path: "simulated shop", As: simulatedAs, SHA256: fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(nil, "%+v", o)))}
	return w.imported(ctx, func() (lake.Report, error) {
		defer bar.end()
		if err := w.onlySimulated(source); err != nil {
			return lake.Report{}, err
		}
		return w.importShop(ctx, shop, source, bar)
	})
}

// onlySimulated refuses a lake that holds anything but this simulated shop.
func (w *workspace) onlySimulated(source lake.Source) error {
	files, err := w.lake.Files()
	if err != nil || len(files) == 0 {
		return err
	}
	imports, err := w.lake.Imports()
	if err != nil {
		return err
	}
	for _, im := range imports {
		for _, s := range im.Sources {
			if s.As == simulatedAs && s.SHA256 == source.SHA256 {
				return nil
			}
		}
	}
	return fmt.Errorf("the lake of %s holds other data: a simulated shop would mix with it; name another --workspace", w.dir)
}

func (w *workspace) importShop(ctx context.Context, shop *synth.Shop, source lake.Source, bar *progress) (report lake.Report, err error) {
	im, err := w.lake.Begin()
	if err != nil {
		return lake.Report{}, err
	}
	defer func() { err = errors.Join(err, im.Abort()) }()
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
