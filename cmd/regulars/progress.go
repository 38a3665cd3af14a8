package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progress shows how far long work has come: a bar on a terminal, a line a
// stage elsewhere (and every few seconds while one lasts).
type progress struct {
	out   io.Writer
	bars  bool
	bar   *progressbar.ProgressBar
	stage string
	begun time.Time
	said  time.Time
}

const sayEvery = 5 * time.Second

func newProgress(out io.Writer) *progress {
	f, ok := out.(*os.File)
	return &progress{out: out, bars: ok && term.IsTerminal(int(f.Fd()))}
}

// step is a training.Progress; total 0 means that the end is not known.
func (p *progress) step(stage string, done, total int) {
	if stage != p.stage {
		p.begin(stage, total)
	}
	if p.bars {
		p.bar.ChangeMax(max(total, 1))
		_ = p.bar.Set(done) // a bar that cannot be drawn stops nothing
	} else if total > 0 && done < total && time.Since(p.said) > sayEvery {
		p.said = time.Now()
		fmt.Fprintf(p.out, "%s: %d%% after %.0f s\n", stage, 100*done/total, time.Since(p.begun).Seconds())
	}
	if total > 0 && done >= total {
		p.end()
	}
}

func (p *progress) begin(stage string, total int) {
	p.end()
	p.stage, p.begun, p.said = stage, time.Now(), time.Now()
	if p.bars {
		p.bar = progressbar.NewOptions(max(total, 1), progressbar.OptionSetWriter(p.out), progressbar.OptionSetWidth(30),
			progressbar.OptionSetDescription(fmt.Sprintf("%-24s", stage)), progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish())
	}
}

// end closes the stage with its time.
func (p *progress) end() {
	if p.stage == "" {
		return
	}
	if p.bars {
		_ = p.bar.Finish()
	}
	fmt.Fprintf(p.out, "%-24s %6.1f s\n", p.stage, time.Since(p.begun).Seconds())
	p.stage = ""
}
