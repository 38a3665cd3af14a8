//go:build !amd64

package kernel

func available() []*isa { return []*isa{&portable} }

func best() *isa { return &portable }
