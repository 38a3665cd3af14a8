package main

import (
	"context"
	"errors"
	"fmt"
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
orders: a quantity below 0 then is a return.`,
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
func (g *global) importFiles(ctx context.Context, files []string, read importer) (err error) {
	w, err := g.open(true)
	if err != nil {
		return err
	}
	lock, err := w.lock()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	bar := newProgress(g.stderr)
	report, err := read(ctx, w.lake, files, ingest.Options{Progress: func(done, total int64) { bar.step("importing", int(done), int(total)) }})
	bar.end()
	if err != nil {
		return err
	}
	if g.json {
		return printJSON(g.stdout, report)
	}
	return printImport(g.stdout, report)
}
