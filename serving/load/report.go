package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// report prints what is measured as it comes, and at the end the figures: as a
// table in Markdown, and as a line for machines.
type report struct {
	out     io.Writer
	figures []figure
}

// figure is a number that is to be at least or at most another, where that is not 0.
type figure struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Least float64 `json:"least,omitempty"`
	Most  float64 `json:"most,omitempty"`
}

func (f figure) met() bool { return f.Value >= f.Least && (f.Most == 0 || f.Value <= f.Most) }

func (f figure) bound() string {
	switch {
	case f.Least == 0 && f.Most == 0:
		return "–"
	case f.Least > 0:
		return fmt.Sprintf("≥ %.3g", f.Least)
	}
	return fmt.Sprintf("≤ %.3g", f.Most)
}

func (r *report) say(format string, args ...any) { fmt.Fprintf(r.out, format+"\n", args...) }

func (r *report) sample(name string, s sample) {
	r.say("%-26s %7.0f/s  p50 %6.2f  p99 %6.2f  p99.9 %6.2f  most %7.2f  updates %6.2f ms  %5.1f µs of processor, client %4.1f", name, s.rate(), s.P50, s.P99, s.P999, s.Most, s.Updates, s.processor, s.Client)
}

func (r *report) figure(f figure) {
	r.figures = append(r.figures, f)
	r.say("→ %s: %.3g (%s)", f.Name, f.Value, f.bound())
}

func (r *report) end() error {
	r.say("\n| figure | reached | target | |\n|---|---|---|---|")
	var missed []string
	for _, f := range r.figures {
		verdict := ""
		if !f.met() {
			verdict = "missed"
			missed = append(missed, f.Name)
		}
		r.say("| %s | %.3g | %s | %s |", f.Name, f.Value, f.bound(), verdict)
	}
	line, err := json.Marshal(struct {
		Figures []figure `json:"figures"`
	}{r.figures})
	if err != nil {
		return err
	}
	r.say("\n%s", line)
	if len(missed) > 0 {
		return fmt.Errorf("missed: %s", strings.Join(missed, "; "))
	}
	return nil
}
