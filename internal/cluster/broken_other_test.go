//go:build !linux

package cluster_test

import "errors"

func becomeNobody() error { return nil }

func childFill(string, []string) error { return errors.New("needs Linux") }

func childCount(string, []string) error { return errors.New("needs Linux") }
