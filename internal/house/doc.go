// Package house holds the rules of the source as tests, and nothing else: which package may import
// which, who owns a dependency, what is documented, how long files and functions may be. Rules that
// golangci-lint can hold as well are in .golangci.yml, and a test here keeps the two alike. Every
// rule is first shown to find a made-up violation, then run on the repository.
//
// The source is parsed, not listed by the go command: so files of every build tag and operating
// system are seen, in the modules of workers/ too, and also while the tree does not compile.
package house
