package main

import (
	"bytes"
	"fmt"
	"strings"
)

const head = `# Third-party software

Made by ` + "`./dev gen`" + `; ` + "`./dev lint`" + ` fails when it is out of date. It lists the Go modules that are linked into each
program for linux/amd64, with the licence texts found in the packages that are used. C libraries, which are linked
dynamically into the workers, are in [NOTICE](../NOTICE). The Go standard library, in every program, is under BSD-3-Clause.

A module with a NOTICE file asks that its text is passed on with copies of the program.
`

// render makes the table's file.
func render(programs []program) []byte {
	var b bytes.Buffer
	b.WriteString(head)
	for _, p := range programs {
		fmt.Fprintf(&b, "\n## %s\n\n", p.name)
		if len(p.modules) == 0 {
			b.WriteString("Nothing beside the Go standard library.\n")
			continue
		}
		b.WriteString("| module | version | licence | NOTICE |\n|---|---|---|---|\n")
		for _, m := range p.modules {
			notice := ""
			if m.notice {
				notice = "yes"
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", m.path, m.version, strings.Join(m.licences, ", "), notice)
		}
	}
	return b.Bytes()
}
