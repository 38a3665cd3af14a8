package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"regulars/data"
	"regulars/data/ingest"
	"regulars/data/lake"
)

// importer reads files into the lake.
type importer func(context.Context, *lake.Lake, []string, ingest.Options) (lake.Report, error)

func newImport(g *global) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "import",
		Short: "Bring a shop's files into the lake",
		Long: `Bring a shop's files into the lake. A row that cannot be used goes to quarantine
with its file, row number and reason, and is counted: read = accepted +
duplicate + quarantined. A file that was imported before changes nothing.
An import that fails, or is killed, leaves the lake as it was.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newImportRetail(g), newImportTable(g, "csv", ingest.CSV), newImportTable(g, "parquet", ingest.Parquet))
	return cmd
}

func newImportRetail(g *global) *cobra.Command {
	return g.withJSON(&cobra.Command{
		Use:   "online-retail FILE…",
		Short: "The Online Retail II data set, Parquet or CSV, all yearly files in one go",
		Example: `  regulars import online-retail --workspace my-shop \
      online_retail_2009_2010.parquet online_retail_2010_2011.parquet`,
		Args: arguments(1, -1, "at least one file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.importFiles(cmd.Context(), args, ingest.OnlineRetail)
		},
	})
}

// tableImporter is ingest.CSV or ingest.Parquet.
type tableImporter func(context.Context, *lake.Lake, data.Table, map[string]string, []string, ingest.Options) (lake.Report, error)

func newImportTable(g *global, format string, read tableImporter) *cobra.Command {
	var table string
	var mapping []string
	cmd := &cobra.Command{
		Use:   format + " --table TABLE FILE…",
		Short: "Files of your own (" + format + ") for one table",
		Long: "Files of your own (" + format + ") for one table: " + strings.Join(data.TableNames(), ", ") + `.
Headers that are called as the table's columns need no --map; headers that are
not columns are kept as extra columns. An is_return column may be absent from
orders: a quantity below 0 then is a return. In items and users a later row
without valid_from replaces an earlier one; with valid_from both are history.

Times: ` + strings.Join(ingest.TimeFormats(), ", ") + `
(UTC where no offset is given). Money: 12.50. Booleans: true/false, yes/no, 1/0.
` + columnHelp(),
		Example: "  regulars import " + format + " --workspace my-shop --table orders --map user_id=CustomerID,ts=OrderedAt orders." + format,
		Args:    arguments(1, -1, "at least one file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			schema, ok := data.SchemaOf(data.Table(table))
			if !ok {
				return usageError{fmt.Errorf("--table %q is not one of %s", table, strings.Join(data.TableNames(), ", "))}
			}
			columns, err := parseMapping(schema, mapping)
			if err != nil {
				return usageError{err}
			}
			return g.importFiles(cmd.Context(), args, func(ctx context.Context, l *lake.Lake, files []string, o ingest.Options) (lake.Report, error) {
				return read(ctx, l, schema.Table, columns, files, o)
			})
		},
	}
	cmd.Flags().StringVar(&table, "table", "", "the table that the files belong to (required)")
	cmd.Flags().StringSliceVar(&mapping, "map", nil, "column=Header, separated by commas; may be repeated")
	return g.withJSON(cmd)
}

// columnHelp lists the columns of every table; * marks those that must be there.
func columnHelp() string {
	var b strings.Builder
	for _, s := range data.Schemas() {
		fmt.Fprintf(&b, "\n%-11s", s.Table)
		for _, c := range s.Columns {
			b.WriteString(" " + c.Name)
			if c.Required {
				b.WriteString("*")
			}
		}
	}
	return b.String()
}

// parseMapping reads column=Header words; the columns must be the table's.
func parseMapping(schema data.Schema, words []string) (map[string]string, error) {
	out := map[string]string{}
	for _, w := range words {
		column, header, ok := strings.Cut(w, "=")
		if !ok || header == "" {
			return nil, fmt.Errorf("--map %q is not column=Header", w)
		}
		if schema.Index(column) < 0 {
			return nil, fmt.Errorf("--map %s: table %s has no column %q; it has %s", w, schema.Table, column, strings.Join(schema.ColumnNames(), ", "))
		}
		if _, twice := out[column]; twice {
			return nil, fmt.Errorf("--map: column %q stands there twice", column)
		}
		out[column] = header
	}
	return out, nil
}

// importFiles runs an importer under the workspace's lock, making the
// workspace where there is none yet.
func (g *global) importFiles(ctx context.Context, files []string, read importer) error {
	for _, f := range files { // before a workspace is made for nothing
		if _, err := os.Stat(f); err != nil {
			return err
		}
	}
	w, err := g.open(true)
	if err != nil {
		return err
	}
	bar := newProgress(g.stderr)
	report, err := w.imported(ctx, func() (lake.Report, error) {
		defer bar.end()
		return read(ctx, w.lake, files, ingest.Options{Progress: func(done, total int64) { bar.step("importing", int(done), int(total)) }})
	})
	if err != nil {
		return err
	}
	if err := g.printImport(report); err != nil {
		return err
	}
	return nothingUsable(report)
}

func (g *global) printImport(report lake.Report) error {
	if g.json {
		return printJSON(g.stdout, report)
	}
	return printImport(g.stdout, report)
}

// imported brings rows into the lake under the workspace's lock, as a run of
// the job "import", so that the history tells whether last night's data came.
func (w *workspace) imported(ctx context.Context, read func() (lake.Report, error)) (report lake.Report, err error) {
	lock, err := w.lock(ctx)
	if err != nil {
		return lake.Report{}, err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	err = w.recorded(ctx, "import", "", func() (any, error) {
		report, err = read()
		return report, err
	})
	return report, err
}

// nothingUsable is an error when rows were read for a table and none was good.
func nothingUsable(r lake.Report) error {
	for _, t := range r.Tables {
		if t.Read > 0 && t.Quarantined == t.Read {
			return fmt.Errorf("none of the %d rows for %s can be used: all are in quarantine, for the reasons above", t.Read, t.Table)
		}
	}
	return nil
}
