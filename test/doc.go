// Package test is the scenario suite: it starts the built binaries as an operator would, in one process and as one process a role,
// and uses them as clients do. It runs from ./dev test, which builds bin/ and names it in OROTUND_TEST_BIN.
package test
