//go:build programs

// Package programs holds the import that keeps the built command in go.mod.
package programs

import _ "go.etcd.io/etcd/server/v3"
