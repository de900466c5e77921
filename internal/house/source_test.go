package house

import (
	"bytes"
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strings"
	"unicode"
)

// A file has fewer lines than maxLines, a function fewer than maxFunction.
const (
	maxLines    = 500
	maxFunction = 60
)

// vague are package names that say nothing about what is inside.
var vague = []string{"util", "utils", "common", "helper", "helpers", "misc", "base", "shared"}

// checkLength holds the lengths of files and, outside tests, of functions.
func checkLength(s source) []string {
	var wrong []string
	if lines := bytes.Count(s.text, []byte("\n")); lines >= maxLines {
		wrong = append(wrong, fmt.Sprintf("%s has %d lines: fewer than %d are allowed", s.name, lines, maxLines))
	}
	for _, d := range s.file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || s.test() {
			continue
		}
		if lines := s.line(f.End()) - s.line(f.Pos()) + 1; lines >= maxFunction {
			wrong = append(wrong, fmt.Sprintf("%s:%d: %s has %d lines: fewer than %d are allowed",
				s.name, s.line(f.Pos()), f.Name.Name, lines, maxFunction))
		}
	}
	return wrong
}

// checkInit forbids init functions outside tests: what exists is listed where the app is built.
func checkInit(s source) []string {
	var wrong []string
	for _, d := range s.file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" && !s.test() {
			wrong = append(wrong, fmt.Sprintf("%s:%d: init function", s.name, s.line(f.Pos())))
		}
	}
	return wrong
}

// checkSelectors holds the owners of single functions of other packages.
func checkSelectors(s source) []string {
	if s.test() || forTests(s.dir()) {
		return nil
	}
	imports := importNames(s.file)
	var wrong []string
	ast.Inspect(s.file, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		x, ok := sel.X.(*ast.Ident)
		if !ok {
			return true
		}
		for _, rule := range selectors {
			if imports[x.Name] == rule.path && slices.Contains(rule.names, sel.Sel.Name) && !belowAny(s.dir(), rule.by) {
				wrong = append(wrong, fmt.Sprintf("%s:%d: %s.%s: %s", s.name, s.line(sel.Pos()), x.Name, sel.Sel.Name, rule.why))
			}
		}
		return true
	})
	return wrong
}

// importNames maps the names that a file uses for its imports to their paths.
func importNames(f *ast.File) map[string]string {
	names := make(map[string]string, len(f.Imports))
	for _, spec := range f.Imports {
		p := importPath(spec)
		name := path.Base(p)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		names[name] = p
	}
	return names
}

// checkExported holds that every exported name of a library package has a comment.
func checkExported(s source) []string {
	if s.test() || s.file.Name.Name == "main" {
		return nil
	}
	var wrong []string
	missing := func(n ast.Node, name string) {
		wrong = append(wrong, fmt.Sprintf("%s:%d: %s has no comment", s.name, s.line(n.Pos()), name))
	}
	for _, d := range s.file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Doc == nil && d.Name.IsExported() && exportedReceiver(d) {
				missing(d, d.Name.Name)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				undocumented(d, spec, missing)
			}
		}
	}
	return wrong
}

// exportedReceiver reports whether a function is no method, or one of an exported type.
func exportedReceiver(f *ast.FuncDecl) bool {
	if f.Recv == nil {
		return true
	}
	t := f.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	switch generic := t.(type) {
	case *ast.IndexExpr:
		t = generic.X
	case *ast.IndexListExpr:
		t = generic.X
	}
	name, ok := t.(*ast.Ident)
	return ok && name.IsExported()
}

// undocumented calls missing for each exported name of a declaration without a comment. The
// comment of a group stands for its constants and variables, not for its types.
func undocumented(d *ast.GenDecl, spec ast.Spec, missing func(ast.Node, string)) {
	switch spec := spec.(type) {
	case *ast.TypeSpec:
		undocumentedType(d, spec, missing)
	case *ast.ValueSpec:
		if d.Doc == nil && spec.Doc == nil && spec.Comment == nil && spec.Names[0].IsExported() {
			missing(spec, spec.Names[0].Name)
		}
	}
}

// undocumentedType does this for a type and, where it is an interface, for its methods: the type's
// comment stands for those that it names.
func undocumentedType(d *ast.GenDecl, spec *ast.TypeSpec, missing func(ast.Node, string)) {
	if !spec.Name.IsExported() {
		return
	}
	comment := spec.Doc.Text() + spec.Comment.Text()
	if !d.Lparen.IsValid() {
		comment += d.Doc.Text()
	}
	if comment == "" {
		missing(spec, spec.Name.Name)
	}
	face, ok := spec.Type.(*ast.InterfaceType)
	if !ok || face.Methods.NumFields() == 1 && comment != "" {
		return // the comment of an interface of one method is that method's
	}
	named := strings.FieldsFunc(comment, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	for _, m := range face.Methods.List {
		if len(m.Names) == 0 || !m.Names[0].IsExported() || m.Doc != nil || m.Comment != nil {
			continue
		}
		if name := m.Names[0].Name; !slices.Contains(named, name) {
			missing(m, spec.Name.Name+"."+name)
		}
	}
}

// checkPackages holds that every package has a comment, a telling name, and a leak check where it
// starts goroutines.
func checkPackages(all []source) []string {
	type folder struct{ product, documented, testsDocumented, concurrent, leakChecked bool }
	folders := make(map[string]*folder)
	var wrong []string
	for _, s := range all {
		f := folders[s.dir()]
		if f == nil {
			f = &folder{}
			folders[s.dir()] = f
			if name := strings.TrimSuffix(s.file.Name.Name, "_test"); slices.Contains(vague, name) {
				wrong = append(wrong, fmt.Sprintf("%s: the package name %s says nothing", s.dir(), name))
			}
		}
		f.product = f.product || !s.test()
		f.documented = f.documented || !s.test() && (s.file.Doc != nil || s.generated())
		f.testsDocumented = f.testsDocumented || s.test() && s.file.Doc != nil
		f.concurrent = f.concurrent || !s.test() && starts(s.file)
		f.leakChecked = f.leakChecked || s.test() && strings.Contains(string(s.text), "goleak.VerifyTestMain(")
	}
	for dir, f := range folders {
		if !f.documented && (f.product || !f.testsDocumented) {
			wrong = append(wrong, dir+": no file has a package comment")
		}
		if below(dir, "internal") && !forTests(dir) && f.concurrent && !f.leakChecked {
			wrong = append(wrong, dir+": starts goroutines, but its tests have no goleak.VerifyTestMain")
		}
	}
	slices.Sort(wrong)
	return wrong
}

// starts reports whether a file starts goroutines: by a go statement, or by the Go method of a
// wait group or an error group.
func starts(f *ast.File) bool {
	found := false
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			found = true
		case *ast.CallExpr:
			if sel, ok := n.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "Go" && len(n.Args) == 1 {
				found = true
			}
		}
		return !found
	})
	return found
}
