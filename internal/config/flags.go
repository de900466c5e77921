package config

import (
	"reflect"

	"github.com/spf13/pflag"
)

// flagValue holds the text of one flag until Load gives it to its key; so a wrong value is reported with all others.
type flagValue struct {
	at   spot
	typ  reflect.Type // the leaf's or map's type
	text string
}

var _ pflag.Value = (*flagValue)(nil)

// String returns the text.
func (f *flagValue) String() string { return f.text }

// Set keeps the text.
func (f *flagValue) Set(s string) error { f.text = s; return nil }

// Type names the value in the help.
func (f *flagValue) Type() string {
	switch f.typ.Kind() {
	case reflect.Map, reflect.Slice, reflect.Interface:
		if f.typ.Kind() == reflect.Slice && isLeaf(f.typ.Elem()) {
			return "list"
		}
		return "yaml"
	default:
		return typeName(f.typ)
	}
}

// RegisterFlags adds to fs one flag for each leaf, list and map of the struct that defaults is or points to, named by its dotted path and
// described by its doc tag. Leaves inside of map entries have flags as far as the entries are among the defaults. Lists take values
// with commas or YAML; maps take YAML, laid over what is there. The defaults must be of the type that Load is given.
func RegisterFlags(fs *pflag.FlagSet, defaults any) {
	v := reflect.Indirect(reflect.ValueOf(defaults))
	root := reflect.New(v.Type()).Elem()
	root.Set(v)
	registerBelow(fs, root, spot{}, 0)
}

// registerBelow registers the flags of the nodes below v.
func registerBelow(fs *pflag.FlagSet, v reflect.Value, at spot, depth int) {
	if depth > maxDepth {
		return
	}
	docs := docsOf(v)
	below, values := children(v, at)
	for i, s := range below {
		t := values[i].Type()
		for t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct || isLeaf(t) {
			f := &flagValue{at: s, typ: t, text: oneLine(values[i])}
			flag := fs.VarPF(f, s.key, "", docs[i])
			if t.Kind() == reflect.Bool && isLeaf(t) {
				flag.NoOptDefVal = "true"
			}
		}
		registerBelow(fs, values[i], s, depth+1)
	}
}

// docsOf lists the doc tags of the nodes that children lists; an entry of a map has none of its own.
func docsOf(v reflect.Value) []string {
	t := v.Type()
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() == reflect.Struct {
		fields := fieldsOf(t)
		docs := make([]string, len(fields))
		for i, f := range fields {
			docs[i] = f.doc
		}
		return docs
	}
	if t.Kind() == reflect.Map {
		return make([]string, v.Len())
	}
	return nil
}

// loadFlags lays the flags that were set over root, in the order of their names, a section before its parts.
func (l *loader) loadFlags(root reflect.Value, fs *pflag.FlagSet) {
	fs.Visit(func(f *pflag.Flag) { // those set, sorted by name unless fs says otherwise
		if fv, ok := f.Value.(*flagValue); ok {
			l.assign(root, fv.at, "--"+f.Name, fv.text)
		}
	})
}
