package placement

import (
	"math/rand/v2"

	"gonum.org/v1/gonum/stat/distuv"
)

// sampler draws from Beta distributions.
type sampler struct{ source rand.Source }

func rapidFree(seed uint64) sampler { return sampler{rand.NewPCG(seed, 0)} }

func (s sampler) beta(a, b float64) float64 {
	return distuv.Beta{Alpha: a, Beta: b, Src: s.source}.Rand()
}
