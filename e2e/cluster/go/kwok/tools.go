//go:build tools

// Package tools pins the kwok command: fake nodes and pods, for the benchmarks.
package tools

import (
	_ "sigs.k8s.io/kwok/cmd/kwok"
)
