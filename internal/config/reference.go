package config

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
)

// row is one line of the reference.
type row struct{ key, typ, def, env, doc string }

// Reference writes a Markdown table of every key: type, default, environment variable and meaning. cfg is the struct with the defaults, or a
// pointer to it. The keys of map entries and list elements are shown once, with <name> and [].
func Reference(w io.Writer, cfg any) error {
	var b strings.Builder
	b.WriteString("| key | type | default | environment variable | meaning |\n|---|---|---|---|---|\n")
	for _, r := range rowsBelow(reflect.Indirect(reflect.ValueOf(cfg)), "", 0) {
		env := ""
		if r.env != "" {
			env = "`" + r.env + "`"
		}
		def := ""
		if r.def != "" {
			def = "`" + r.def + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", cell(r.key), r.typ, cell(def), cell(env), cell(r.doc))
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write configuration reference: %w", err)
	}
	return nil
}

// cell keeps text inside of its cell.
func cell(s string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(s), " "), "|", `\|`)
}

// rowsBelow lists the rows of the keys of a struct.
func rowsBelow(v reflect.Value, key string, depth int) []row {
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			v = newElem(v.Type().Elem())
		} else {
			v = v.Elem()
		}
	}
	if v.Kind() != reflect.Struct || depth > maxDepth {
		return nil
	}
	var out []row
	for _, f := range fieldsOf(v.Type()) {
		out = append(out, rowsOf(v.FieldByIndex(f.index), join(key, f.key), f.doc, depth)...)
	}
	return out
}

// rowsOf lists the rows of one key and of what is below it.
func rowsOf(v reflect.Value, key, doc string, depth int) []row {
	t := v.Type()
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() == reflect.Struct && !isLeaf(t) {
		return rowsBelow(v, key, depth+1)
	}
	r := row{key: key, typ: typeName(t), def: oneLine(v), doc: doc}
	if !strings.Contains(key, "[]") {
		r.env = envName(key)
	}
	out := []row{r}
	if t.Kind() != reflect.Map && t.Kind() != reflect.Slice {
		return out
	}
	elem := t.Elem()
	for elem.Kind() == reflect.Pointer {
		elem = elem.Elem()
	}
	if isLeaf(elem) {
		return out
	}
	below := key + ".<name>"
	if t.Kind() == reflect.Slice {
		below = key + "[]"
	}
	if elem.Kind() == reflect.Struct {
		out[0].def = "" // a section for each entry: too long for a cell; Write shows it
		if t.Kind() == reflect.Map && v.Kind() == reflect.Map && v.Len() > 0 {
			names := make([]string, 0, v.Len())
			for _, k := range sortedKeys(v) {
				names = append(names, k.String())
			}
			out[0].def = strings.Join(names, ", ")
		}
	}
	return append(out, rowsBelow(newElem(elem), below, depth+1)...)
}

// CheckDocs is for tests: it returns an error for every field of the struct that cfg is or points to, and of those below it, that has no doc
// tag or no yaml tag, or that has a type which Load cannot set. The error of each names its key.
func CheckDocs(cfg any) error {
	t := reflect.TypeOf(cfg)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return errors.Join(checkType(t, "", 0)...)
}

// checkType checks one type and what is below it.
func checkType(t reflect.Type, key string, depth int) []error {
	if depth > maxDepth {
		return []error{fmt.Errorf("%s: the type contains itself", key)}
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if isLeaf(t) {
		return nil
	}
	switch t.Kind() {
	case reflect.Struct:
		var errs []error
		for _, f := range fieldsOf(t) {
			k := join(key, f.key)
			sf := t.FieldByIndex(f.index)
			if f.doc == "" {
				errs = append(errs, fmt.Errorf("%s: no doc tag", k))
			}
			if sf.Tag.Get("yaml") == "" {
				errs = append(errs, fmt.Errorf("%s: no yaml tag", k))
			}
			errs = append(errs, checkType(f.typ, k, depth+1)...)
		}
		return errs
	case reflect.Map:
		if t.Key().Kind() != reflect.String {
			return []error{fmt.Errorf("%s: a map needs keys of a string type", key)}
		}
		return checkType(t.Elem(), key+".<name>", depth+1)
	case reflect.Slice:
		return checkType(t.Elem(), key+"[]", depth+1)
	case reflect.Interface:
		if t.NumMethod() == 0 {
			return nil
		}
	}
	return []error{fmt.Errorf("%s: a value of type %s cannot be set", key, t)}
}
