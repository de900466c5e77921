// Package child is the worker's side of the worker protocol: what a Go program that Orotund starts as a worker needs before it
// can serve its gRPC service, and what several such programs would otherwise each write. The parent's side is package worker;
// the protocol itself is written down in api/orotund/engine/v1/engine.proto and docs/engines.md.
//
// A worker's main is a line:
//
//	func main() { os.Exit(child.Main("orotund.engine.v1", register)) }
package child
