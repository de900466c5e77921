package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// source is one parsed Go file.
type source struct {
	name string // relative to the repository, with slashes
	text []byte
	fset *token.FileSet
	file *ast.File
}

func (s source) dir() string     { return path.Dir(s.name) }
func (s source) test() bool      { return strings.HasSuffix(s.name, "_test.go") }
func (s source) generated() bool { return ast.IsGenerated(s.file) }

func (s source) line(p token.Pos) int { return s.fset.Position(p).Line }

// pkg is a folder of Go files, with what its files outside tests import, sorted.
type pkg struct {
	dir     string
	imports []string
}

// parse reads one Go file, from text where that is given. It fails the test on a syntax error.
func parse(t *testing.T, name string, text []byte) source {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, text, parser.ParseComments)
	if err != nil {
		t.Fatalf("parse %s: %v", name, err)
	}
	return source{name: name, text: text, fset: fset, file: file}
}

// importPath returns the path of an import without its quotes.
func importPath(spec *ast.ImportSpec) string {
	p, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return spec.Path.Value
	}
	return p
}

// packages groups files outside tests by folder.
func packages(sources []source) []pkg {
	byDir := make(map[string]*pkg)
	for _, s := range sources {
		if s.test() {
			continue
		}
		p := byDir[s.dir()]
		if p == nil {
			p = &pkg{dir: s.dir()}
			byDir[s.dir()] = p
		}
		for _, spec := range s.file.Imports {
			p.imports = append(p.imports, importPath(spec))
		}
	}
	graph := make([]pkg, 0, len(byDir))
	for _, p := range byDir {
		slices.Sort(p.imports)
		p.imports = slices.Compact(p.imports)
		graph = append(graph, *p)
	}
	slices.SortFunc(graph, func(a, b pkg) int { return strings.Compare(a.dir, b.dir) })
	return graph
}

// repository returns the folder with the main module's go.mod.
func repository(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(text), "module "+module+"\n") {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod of " + module + " above the working folder")
		}
	}
}

// ignored are folders that git ignores or that are git's own.
var ignored = []string{".git", "bin", "dist", ".cache", "node_modules"}

// files returns every file of the repository, relative and with slashes, but those git ignores.
func files(t *testing.T, root string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != root && slices.Contains(ignored, d.Name()) {
			return filepath.SkipDir
		}
		ext := filepath.Ext(name)
		if d.Type().IsRegular() && ext != ".test" && ext != ".prof" && ext != ".out" {
			rel, err := filepath.Rel(root, name)
			if err != nil {
				return err
			}
			found = append(found, filepath.ToSlash(rel))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// sources parses every Go file of the repository, in all its modules.
func sources(t *testing.T) []source {
	t.Helper()
	root := repository(t)
	var all []source
	for _, name := range files(t, root) {
		if !strings.HasSuffix(name, ".go") || strings.Contains("/"+name, "/testdata/") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, parse(t, name, text))
	}
	if len(all) < 10 {
		t.Fatalf("only %d Go files found under %s", len(all), root)
	}
	return all
}

// report fails the test with every finding.
func report(t *testing.T, found []string) {
	t.Helper()
	for _, f := range found {
		t.Error(f)
	}
}
