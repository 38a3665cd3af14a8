package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"regulars/cmd/regulars/config"
	"regulars/data/durable"
)

func newInit(g *global) *cobra.Command {
	return &cobra.Command{
		Use:     "init DIR",
		Short:   "Make a workspace with a commented regulars.yaml",
		Example: "  regulars init my-shop",
		Args:    arguments(1, 1, "one folder"),
		RunE: func(_ *cobra.Command, args []string) error {
			path := filepath.Join(args[0], config.FileName)
			if _, err := os.Stat(path); err == nil {
				return fmt.Errorf("%s is there already and stays as it is", path)
			}
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return err
			}
			err := durable.FS{}.WriteFile(path, func(w io.Writer) error {
				_, err := io.WriteString(w, config.DefaultYAML)
				return err
			})
			if err != nil {
				return err
			}
			dir := args[0]
			if strings.ContainsAny(dir, " '\"$`\\") {
				dir = "'" + strings.ReplaceAll(dir, "'", `'\''`) + "'"
			}
			fmt.Fprintf(g.stdout, "%s\n\nNext:\n  regulars import csv --workspace %[2]s --table orders orders.csv\n  regulars run pipeline --workspace %[2]s\n  regulars serve --workspace %[2]s\n",
				path, dir)
			return nil
		},
	}
}
