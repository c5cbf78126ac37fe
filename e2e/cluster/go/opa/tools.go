//go:build tools

// Package tools pins the opa command that the test cluster builds.
package tools

import (
	_ "github.com/open-policy-agent/opa"
)
