package lake_test

import (
	"fmt"
	"testing"

	"regulars/data"
	"regulars/data/durable"
	"regulars/data/lake"
)

const benchRows = 200_000

func benchBatches() []lake.Batch {
	var out []lake.Batch
	for lo := 0; lo < benchRows; lo += 1000 {
		var rows []data.Row
		for i := lo; i < lo+1000; i++ {
			rows = append(rows, order(fmt.Sprint("o", i/20), data.Int(int64(i%20)), fmt.Sprint("u", i/20%6000), day0+int64(i/20)*1e6))
		}
		out = append(out, batch(data.Orders, "f", rows...))
	}
	return out
}

// BenchmarkImport validates, deduplicates, encodes and commits order lines.
func BenchmarkImport(b *testing.B) {
	batches := benchBatches()
	for b.Loop() {
		importAll(b, open(b, b.TempDir(), durable.FS{}), lake.Source{}, batches...)
	}
	b.ReportMetric(float64(b.N)*benchRows/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkRead reads all columns of order lines.
func BenchmarkRead(b *testing.B) {
	l := open(b, b.TempDir(), durable.FS{})
	importAll(b, l, lake.Source{}, benchBatches()...)
	rows := make([]data.Row, 1024)
	for b.Loop() {
		r, _, err := l.Reader(data.Orders)
		if err != nil {
			b.Fatal(err)
		}
		n := 0
		for {
			m, err := r.Read(rows)
			if err != nil {
				break
			}
			n += m
		}
		if n != benchRows {
			b.Fatalf("%d rows", n)
		}
	}
	b.ReportMetric(float64(b.N)*benchRows/b.Elapsed().Seconds(), "rows/s")
}
