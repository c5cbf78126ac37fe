//go:build tools

// Package tools pins the kind command that the test cluster builds.
package tools

import (
	_ "sigs.k8s.io/kind"
)
