//go:build unix

package gbdt_test

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"regulars/features/matrix"
	"regulars/models/gbdt"
)

// speedRows is REGULARS_BENCH_ROWS, by default 200,000.
func speedRows(b *testing.B) int {
	text := os.Getenv("REGULARS_BENCH_ROWS")
	if text == "" {
		return 200_000
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 100 {
		b.Fatalf("REGULARS_BENCH_ROWS is %q: it must be a number from 100", text)
	}
	return n
}

// wide draws rows of 50 columns, whose label
// depends on ten.
func wide(rows int) gbdt.Data {
	names := make([]string, 50)
	for j := range names {
		names[j] = "c" + strconv.Itoa(j)
	}
	rng := rand.New(rand.NewPCG(4, 4))
	d := gbdt.Data{X: matrix.NewDense(rows, names), Y: make([]float64, rows)}
	for i := range rows {
		row, signal := d.X.Row(i), 0.0
		for j := range row {
			row[j] = rng.NormFloat64()
			if j < 10 {
				signal += row[j] + row[j]*row[(j+1)%10]
			}
		}
		if signal+rng.NormFloat64() > 0 {
			d.Y[i] = 1
		}
	}
	return d
}

var speedOptions = gbdt.Options{Rounds: 100, NumLeaves: 63}

// theirSpeed makes rows of the same kind in Python, trains LightGBM with the same
// options and prints the seconds of training, of scoring and of contributions of
// the first thousand rows: of the processor, and by the clock.
const theirSpeed = `
import sys, time
import lightgbm, numpy
rows, threads = int(sys.argv[1]), int(sys.argv[2])
rng = numpy.random.default_rng(4)
x = rng.normal(size=(rows, 50))
y = (sum(x[:, j] + x[:, j] * x[:, (j + 1) % 10] for j in range(10)) + rng.normal(size=rows) > 0).astype(float)
def told(work):
    processor, wall = time.process_time(), time.perf_counter()
    result = work()
    print(time.process_time() - processor, time.perf_counter() - wall)
    return result
booster = told(lambda: lightgbm.train({"objective": "binary", "num_leaves": 63, "verbose": -1, "num_threads": threads}, lightgbm.Dataset(x, y), 100))
told(lambda: booster.predict(x, num_threads=threads))
told(lambda: booster.predict(x[:1000], pred_contrib=True, num_threads=threads))
`

// seconds that something took.
type seconds struct{ processor, wall float64 }

// stopped returns what has passed since start was taken.
func stopped(b *testing.B, start seconds) seconds {
	now := started(b)
	return seconds{now.processor - start.processor, now.wall - start.wall}
}

func started(b *testing.B) seconds {
	return seconds{processorSeconds(b), time.Since(epoch).Seconds()}
}

var epoch = time.Now()

// lightgbmSeconds measures LightGBM at training, scoring and explaining, or skips.
func lightgbmSeconds(b *testing.B, rows int) (out [3]seconds) {
	name := os.Getenv("LIGHTGBM_PYTHON")
	if name == "" {
		name = "python3"
	}
	if err := exec.Command(name, "-c", "import lightgbm").Run(); err != nil {
		b.Skipf("%s has no lightgbm (%v): set LIGHTGBM_PYTHON to one that has", name, err)
	}
	output, err := exec.Command(name, "-c", theirSpeed, strconv.Itoa(rows), strconv.Itoa(runtime.GOMAXPROCS(0))).Output()
	if err != nil {
		b.Fatal(err)
	}
	words := strings.Fields(string(output))
	if len(words) != 2*len(out) {
		b.Fatalf("LightGBM's script says %q", output)
	}
	for i := range out {
		for j, to := range []*float64{&out[i].processor, &out[i].wall} {
			if *to, err = strconv.ParseFloat(words[2*i+j], 64); err != nil {
				b.Fatal(err)
			}
		}
	}
	return out
}

// BenchmarkLightGBM reports how many times longer training, scoring and explaining
// take than in LightGBM on as many threads, on 50 columns, 100 trees of 63 leaves:
// by processor time and by the clock. LightGBM's threads wait for each other in a
// loop, which costs it dearly where other work is about: compare processor time
// with -cpu 1 there.
func BenchmarkLightGBM(b *testing.B) {
	d := wide(speedRows(b))
	for b.Loop() {
		theirs := lightgbmSeconds(b, d.X.Rows)
		start := started(b)
		m, err := gbdt.Fit(b.Context(), d, nil, speedOptions, nil)
		if err != nil {
			b.Fatal(err)
		}
		first := &matrix.Dense{Names: d.X.Names, Rows: 1000, Data: d.X.Data[:1000*50]}
		ours := [3]seconds{stopped(b, start), measured(b, m, d.X, false), measured(b, m, first, true)}
		for i, what := range []string{"train", "score", "explain"} {
			b.ReportMetric(ours[i].processor/theirs[i].processor, what+"-ratio")
			b.ReportMetric(ours[i].wall/theirs[i].wall, what+"-clock-ratio")
		}
		b.ReportMetric(ours[0].wall, "s-train")
		b.ReportMetric(float64(d.X.Rows)/ours[1].wall, "rows-scored/s")
	}
}

// measured returns the seconds of scoring or explaining.
func measured(b *testing.B, m *gbdt.Model, x *matrix.Dense, explain bool) seconds {
	b.Helper()
	dst := make([]float64, x.Rows)
	if explain {
		dst = make([]float64, x.Rows*(x.Cols()+1))
	}
	start := started(b)
	var err error
	if explain {
		err = m.RawContributions(x, dst)
	} else {
		err = m.Predict(x, false, dst)
	}
	if err != nil {
		b.Fatal(err)
	}
	return stopped(b, start)
}

// BenchmarkFit, BenchmarkScore and BenchmarkExplain are for profiles.
func BenchmarkFit(b *testing.B) {
	d := wide(speedRows(b))
	for b.Loop() {
		if _, err := gbdt.Fit(b.Context(), d, nil, speedOptions, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkScore(b *testing.B) {
	d := wide(50_000)
	m, err := gbdt.Fit(b.Context(), d, nil, speedOptions, nil)
	if err != nil {
		b.Fatal(err)
	}
	took := 0.0
	for b.Loop() {
		took += measured(b, m, d.X, false).processor
	}
	b.ReportMetric(float64(d.X.Rows*b.N)/took, "rows/processor-s")
}

func BenchmarkExplain(b *testing.B) {
	d := wide(20_000)
	m, err := gbdt.Fit(b.Context(), d, nil, speedOptions, nil)
	if err != nil {
		b.Fatal(err)
	}
	first := &matrix.Dense{Names: d.X.Names, Rows: 1000, Data: d.X.Data[:1000*50]}
	took := 0.0
	for b.Loop() {
		took += measured(b, m, first, true).processor
	}
	b.ReportMetric(float64(first.Rows*b.N)/took, "rows/processor-s")
}

// processorSeconds is the time that all threads of this process have run.
func processorSeconds(b *testing.B) float64 {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano()).Seconds()
}
