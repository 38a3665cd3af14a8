//go:build race

package kernel

import (
	"flag"
	"os"
	"testing"
)

// TestMain draws fewer cases under the race detector, which looks for something
// else and makes each ten times slower. -rapid.checks given on the command line counts.
func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "rapid.checks" })
	if !given {
		if err := flag.Set("rapid.checks", "25"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
