package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"regulars/features"
	"regulars/features/duck"
)

// childEngine computes features in a child process with a bound on its memory:
// whatever a query does to it, the process that asked goes on. The child is this
// program's hidden command `features engine`. It reads one task as JSON and then
// watches its standard input, whose end means that nobody waits any more.
type childEngine struct {
	memory string // of the SQL engine, as machine.memory
	limit  uint64 // bytes of private memory that a child may map; 0 = as memory asks for
}

var _ features.Engine = (*childEngine)(nil)

// engine returns the engine of the workspace's jobs.
func (w *workspace) engine() *childEngine { return &childEngine{memory: w.config.Machine.Memory} }

// engineTask is what the child is asked; exactly one field is set beside Limit.
type engineTask struct {
	Limit  uint64                 `json:"limit"` // bytes of private memory that the child may map; 0 = no bound
	Build  *features.Request      `json:"build,omitempty"`
	Labels *features.LabelRequest `json:"labels,omitempty"`
	Join   *duck.JoinRequest      `json:"join,omitempty"`
}

// engineLine is one line of the child's answer: progress, or the end.
type engineLine struct {
	Done   int              `json:"done,omitempty"`
	Total  int              `json:"total,omitempty"`
	What   string           `json:"what,omitempty"`
	End    bool             `json:"end,omitempty"`
	Error  string           `json:"error,omitempty"`
	Result *features.Result `json:"result,omitempty"`
	Join   *duck.JoinResult `json:"join,omitempty"`
}

// Build computes feature tables, see features.Engine.
func (e *childEngine) Build(ctx context.Context, r features.Request) (features.Result, error) {
	line, err := e.run(ctx, engineTask{Build: &r}, r.Progress)
	return resultOf(line), err
}

// Labels computes label tables, see features.Engine.
func (e *childEngine) Labels(ctx context.Context, r features.LabelRequest) (features.Result, error) {
	line, err := e.run(ctx, engineTask{Labels: &r}, r.Progress)
	return resultOf(line), err
}

// Join joins features to rows of the caller's own, see duck.Engine.
func (e *childEngine) Join(ctx context.Context, r duck.JoinRequest) (duck.JoinResult, error) {
	line, err := e.run(ctx, engineTask{Join: &r}, r.Progress)
	if line.Join == nil {
		return duck.JoinResult{}, err
	}
	return *line.Join, err
}

// Close does nothing: every task has a child of its own.
func (*childEngine) Close() error { return nil }

func resultOf(line engineLine) features.Result {
	if line.Result == nil {
		return features.Result{}
	}
	return *line.Result
}

// run starts a child, gives it the task, passes its progress on, and returns the
// line that ends its answer.
func (e *childEngine) run(ctx context.Context, task engineTask, progress func(done, total int, what string)) (engineLine, error) {
	limit, err := processLimit(e.memory)
	if err != nil {
		return engineLine{}, err
	}
	task.Limit = cmp.Or(e.limit, limit)
	text, err := json.Marshal(task)
	if err != nil {
		return engineLine{}, fmt.Errorf("feature engine: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return engineLine{}, fmt.Errorf("feature engine: %w", err)
	}
	cmd := exec.CommandContext(ctx, self, "features", "engine")
	cmd.Args[0] = "regulars"
	complaints := &tailWriter{}
	cmd.Stderr = complaints
	in, err := cmd.StdinPipe()
	if err != nil {
		return engineLine{}, fmt.Errorf("feature engine: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return engineLine{}, fmt.Errorf("feature engine: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return engineLine{}, fmt.Errorf("start the feature engine: %w", err)
	}
	_, writeErr := in.Write(append(text, '\n')) // stdin stays open as a sign of life
	last, readErr := follow(out, progress)
	err = errors.Join(in.Close(), cmd.Wait())
	return last, e.judge(ctx, last, complaints, errors.Join(writeErr, readErr, err))
}

// follow reads the child's answer to its end.
func follow(out io.Reader, progress func(done, total int, what string)) (last engineLine, err error) {
	lines := bufio.NewReader(out)
	for {
		text, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return last, nil
		}
		if err != nil {
			return last, fmt.Errorf("read the answer of the feature engine: %w", err)
		}
		var line engineLine
		if err := json.Unmarshal(text, &line); err != nil {
			return last, fmt.Errorf("the feature engine answered %q: %w", text, err)
		}
		switch {
		case line.End:
			last = line
		case progress != nil:
			progress(line.Done, line.Total, line.What)
		}
	}
}

// judge turns the end of a child into the error of the task.
func (e *childEngine) judge(ctx context.Context, last engineLine, complaints *tailWriter, err error) error {
	switch {
	case last.End && last.Error == "":
		return nil // what it did is done, however it left
	case ctx.Err() != nil:
		return ctx.Err()
	case last.End:
		return errors.New(last.Error)
	}
	return fmt.Errorf("the feature engine died (%w), most likely for want of memory: it is bounded by machine.memory, which is %s: give it more, or build fewer dates or groups at once; what stood before is untouched%s",
		err, e.memory, complaints.quote())
}

// headroom is what a child may map beyond a multiple of the SQL engine's memory:
// the program itself, thread stacks, Parquet buffers.
const headroom = 512 << 20

// processLimit returns how much private memory a child may map. The SQL engine
// keeps to machine.memory in what it counts itself; with five million order lines
// and 1 GiB the process was seen to hold 2.3 times that, and its allocator, which
// keeps addresses that it has given back, to have mapped 4 times. The bound is
// for a query that runs away, not for those of every day.
func processLimit(memory string) (uint64, error) {
	bytes, err := parseSize(memory)
	if err != nil {
		return 0, err
	}
	return 4*bytes + headroom, nil
}

// parseSize reads a size such as 500MB or 1.5GiB.
func parseSize(text string) (uint64, error) {
	for _, unit := range []struct {
		name  string
		bytes float64
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}} {
		number, ok := strings.CutSuffix(text, unit.name)
		if !ok {
			continue
		}
		if n, err := strconv.ParseFloat(number, 64); err == nil && n > 0 && n*unit.bytes < 1<<62 {
			return uint64(n * unit.bytes), nil
		}
	}
	return 0, fmt.Errorf("machine.memory %q is not a size such as 1GB", text)
}

// tailWriter keeps the last of what is written to it.
type tailWriter struct{ text []byte }

const tailSize = 2000

func (t *tailWriter) Write(p []byte) (int, error) {
	t.text = append(t.text, p...)
	if len(t.text) > 4*tailSize {
		t.text = append(t.text[:0], t.text[len(t.text)-tailSize:]...)
	}
	return len(p), nil
}

// quote returns the first line that says something, which is where a runtime
// that gives up says why.
func (t *tailWriter) quote() string {
	for _, line := range strings.Split(string(t.text), "\n") {
		if line = strings.TrimSpace(line); line != "" {
			return " (" + line + ")"
		}
	}
	return ""
}

func newFeaturesEngine(g *global) *cobra.Command {
	return &cobra.Command{Use: "engine", Hidden: true, Short: "Carry out one task of the feature engine, given as JSON on standard input", Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return serveEngine(cmd.Context(), os.Stdin, g.stdout) }}
}

// serveEngine is the child's side: one task, its progress, its end.
func serveEngine(ctx context.Context, in io.Reader, out io.Writer) error {
	lines := bufio.NewReader(in)
	text, err := lines.ReadBytes('\n')
	if err != nil {
		return usageError{errors.New("features engine is started by other commands, which tell it what to do")}
	}
	var task engineTask
	if err := json.Unmarshal(text, &task); err != nil {
		return fmt.Errorf("feature engine: %w", err)
	}
	if err := limitMemory(task.Limit); err != nil {
		return err
	}
	go exitWithParent(lines)
	answer := json.NewEncoder(out)
	line := task.do(ctx, func(done, total int, what string) {
		if answer.Encode(engineLine{Done: done, Total: total, What: what}) != nil {
			os.Exit(exitFailed) // nobody listens
		}
	})
	line.End = true
	return answer.Encode(line)
}

// exitWithParent ends the child with the process that waits for it: a build that
// went on would meet the next one at the same files. Every file is whole at any moment.
func exitWithParent(in io.Reader) {
	_, _ = io.Copy(io.Discard, in) // any end is an end
	os.Exit(exitFailed)
}

func limitMemory(bytes uint64) error {
	if bytes == 0 {
		return nil
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_DATA, &limit); err != nil {
		return fmt.Errorf("feature engine: read the memory limit: %w", err)
	}
	limit.Cur = min(bytes, limit.Max)
	if err := syscall.Setrlimit(syscall.RLIMIT_DATA, &limit); err != nil {
		return fmt.Errorf("feature engine: set the memory limit to %d bytes: %w", bytes, err)
	}
	return nil
}

func (t engineTask) do(ctx context.Context, progress func(done, total int, what string)) (line engineLine) {
	engine := duck.New()
	var err error
	var result features.Result
	switch {
	case t.Build != nil:
		t.Build.Progress = progress
		result, err = engine.Build(ctx, *t.Build)
		line.Result = &result
	case t.Labels != nil:
		t.Labels.Progress = progress
		result, err = engine.Labels(ctx, *t.Labels)
		line.Result = &result
	case t.Join != nil:
		t.Join.Progress = progress
		var joined duck.JoinResult
		joined, err = engine.Join(ctx, *t.Join)
		line.Join = &joined
	default:
		err = errors.New("feature engine: no task")
	}
	if err != nil {
		line.Error = err.Error()
	}
	return line
}
