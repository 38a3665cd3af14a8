// Package usage tells what a process has used: its peak of memory.
package usage
