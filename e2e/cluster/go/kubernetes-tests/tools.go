//go:build tools

// This file pins the image that the suite's pods run.
package main

import (
	_ "k8s.io/kubernetes/test/images/agnhost"
)
