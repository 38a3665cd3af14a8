package main

import (
	"fmt"
	"io"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// global holds what every command takes.
type global struct {
	workspace string
	json      bool
	stdout    io.Writer
	stderr    io.Writer
}

func newRoot(stdout, stderr io.Writer) *cobra.Command {
	g := &global{stdout: stdout, stderr: stderr}
	root := &cobra.Command{
		Use:   "regulars",
		Short: "Recommendations and win-back scores from a shop's own history",
		Long: `Regulars turns a shop's purchase history into personal recommendations and into
scores that say which customers are drifting away. Jobs build features, train,
evaluate and publish; a light HTTP server answers from what was published.

Everything lives in one folder, the workspace. Start with:

  regulars demo                         a simulated shop, from history to answers
  regulars init my-shop                 a workspace of your own`,
		Version:       version(),
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          noArguments,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.PersistentFlags().StringVarP(&g.workspace, "workspace", "w", ".", "the workspace's folder")
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(newDemo(g), newInit(g), newImport(g), newGenerate(g), newRun(g))
	root.AddCommand(newJobCommands(g)...)
	root.AddCommand(newFeatures(g), newServe(g), newModels(g), newJobs(g), newKeys(g), newReport(g), newIdentities(g), newAudience(g), newEvents(g))
	root.AddCommand(newErase(g), newData(g))
	return root
}

// version is the module's version, or the commit the program was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return info.Main.Version
}

// withJSON adds --json to a command that prints results.
func (g *global) withJSON(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().BoolVar(&g.json, "json", false, "print the result as JSON")
	return cmd
}

// noArguments refuses arguments as wrong usage.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if cmd.HasSubCommands() {
		return usageError{fmt.Errorf("%s has no subcommand %q", cmd.CommandPath(), args[0])}
	}
	return usageError{fmt.Errorf("%s takes no argument, got %q", cmd.CommandPath(), args[0])}
}

// arguments wants between least and most arguments, described by what.
func arguments(least, most int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < least || most >= 0 && len(args) > most {
			return usageError{fmt.Errorf("%s wants %s, got %d arguments", cmd.CommandPath(), what, len(args))}
		}
		return nil
	}
}
