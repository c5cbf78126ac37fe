//go:build tools

// Package tools pins the metrics-server command that the test cluster builds.
package tools

import (
	_ "sigs.k8s.io/metrics-server/cmd/metrics-server"
)
