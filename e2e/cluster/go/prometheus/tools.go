//go:build tools

// Package tools pins Prometheus and promtool: alerts and dashboard are tried with the real ones.
package tools

import (
	_ "github.com/prometheus/prometheus/cmd/prometheus"
	_ "github.com/prometheus/prometheus/cmd/promtool"
)
