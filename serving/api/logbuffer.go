package api

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"
)

// How much of a log waits in memory, and for how long at most.
const (
	logFlushEvery = 100 * time.Millisecond
	logFlushBytes = 64 << 10
	logMostBytes  = 4 << 20 // beyond which whoever logs waits for the disk
)

// LogBuffer gathers lines of a log, so that a request does not wait for the
// disk or the terminal that its line goes to. It is safe for concurrent use.
// What is written is passed on within 100 ms while Run runs, and at once with
// anything from a warning up that was logged through Handler.
type LogBuffer struct {
	out  io.Writer
	full chan struct{} // wakes Run

	mu      sync.Mutex // of lines, held shortly
	lines   []byte
	writing sync.Mutex // of out and spare, so that lines keep their order
	spare   []byte
}

// NewLogBuffer returns a buffer in front of out.
func NewLogBuffer(out io.Writer) *LogBuffer {
	return &LogBuffer{out: out, full: make(chan struct{}, 1)}
}

// Write takes a line. It fails only where lines had to be passed on, and could not be.
// While it runs, slog lets nobody else log: to write to a disk that is busy here
// would be to stop all requests.
func (b *LogBuffer) Write(line []byte) (int, error) {
	b.mu.Lock()
	b.lines = append(b.lines, line...)
	waiting := len(b.lines)
	b.mu.Unlock()
	if waiting >= logMostBytes {
		return len(line), b.Flush()
	}
	if waiting >= logFlushBytes {
		select {
		case b.full <- struct{}{}:
		default: // Run knows
		}
	}
	return len(line), nil
}

// Flush passes on what has been written so far.
func (b *LogBuffer) Flush() error {
	b.writing.Lock()
	defer b.writing.Unlock()
	b.mu.Lock()
	lines := b.lines
	b.lines = b.spare[:0]
	b.mu.Unlock()
	b.spare = lines
	if len(lines) == 0 {
		return nil
	}
	_, err := b.out.Write(lines)
	return err
}

// Run passes lines on as they age until ctx ends, and then the rest.
func (b *LogBuffer) Run(ctx context.Context) error {
	tick := time.NewTicker(logFlushEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return b.Flush()
		case <-tick.C:
			_ = b.Flush()
		case <-b.full:
			_ = b.Flush() // a log that cannot be written is no reason to stop answering
		}
	}
}

// Handler returns a handler that writes into b and passes all on with every
// record from a warning up; format returns the handler of the format wanted.
func (b *LogBuffer) Handler(format func(io.Writer) slog.Handler) slog.Handler {
	return urgentHandler{format(b), b}
}

// urgentHandler passes on what should be seen even if the process dies next.
type urgentHandler struct {
	slog.Handler
	buffer *LogBuffer
}

func (h urgentHandler) Handle(ctx context.Context, r slog.Record) error {
	err := h.Handler.Handle(ctx, r)
	if r.Level >= slog.LevelWarn {
		err = errors.Join(err, h.buffer.Flush())
	}
	return err
}

func (h urgentHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return urgentHandler{h.Handler.WithAttrs(attrs), h.buffer}
}

func (h urgentHandler) WithGroup(name string) slog.Handler {
	return urgentHandler{h.Handler.WithGroup(name), h.buffer}
}
