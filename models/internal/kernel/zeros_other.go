//go:build !linux

package kernel

func adviseLargePages([]float32) {}
