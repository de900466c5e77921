// Command licences finds the licence of every Go module that is linked into Orotund's programs,
// refuses those that may not be linked into the main one, and keeps docs/third-party.md.
//
// It is a module of its own so that its dependency stays out of the product's.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

// table is the generated file, relative to the repository's root.
const table = "docs/third-party.md"

func main() {
	root := flag.String("root", ".", "the repository's root")
	check := flag.Bool("check", false, "fail when "+table+" is out of date")
	write := flag.Bool("write", false, "write "+table)
	flag.Parse()
	if err := run(*root, *check, *write); err != nil {
		fmt.Fprintln(os.Stderr, "licences:", err)
		os.Exit(1)
	}
}

// run collects and judges; then it compares the table with the file, writes it, or prints it.
func run(root string, check, write bool) error {
	programs, err := discover(root)
	if err != nil {
		return err
	}
	for i := range programs {
		if err := programs[i].collect(); err != nil {
			return err
		}
	}
	var problems []error
	for _, p := range programs {
		problems = append(problems, p.judge()...)
	}
	if err := errors.Join(problems...); err != nil {
		return err
	}
	made := render(programs)
	path := filepath.Join(root, table)
	switch {
	case write:
		return os.WriteFile(path, made, 0o644)
	case check:
		have, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if !bytes.Equal(have, made) {
			return fmt.Errorf("%s is out of date: run ./dev gen", table)
		}
		return nil
	}
	_, err = os.Stdout.Write(made)
	return err
}
