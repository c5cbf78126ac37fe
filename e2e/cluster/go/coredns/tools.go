//go:build tools

// Package tools pins the coredns command that the test cluster builds.
package tools

import (
	_ "github.com/coredns/coredns"
)
