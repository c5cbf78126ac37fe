//go:build tools

// Package tools pins the local-path-provisioner command that the test cluster builds.
package tools

import (
	_ "github.com/rancher/local-path-provisioner"
)
