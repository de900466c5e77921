// Package config loads settings: defaults, then a YAML file, then the environment, then flags. Each package that has settings
// declares its own struct with yaml and doc tags, its defaults and a Validate method; this package knows no setting by name.
//
// A settings struct may hold other structs, maps with string keys, slices, pointers, and leaves: strings, booleans, numbers,
// [time.Duration], [Bytes], [Secret] and anything that implements [encoding.TextUnmarshaler]. A key's path is written with
// dots (gateway.listen), slice elements with brackets (keys[0].name).
//
// What a source says about a struct or a map is laid over what is there; a slice is replaced whole. A map entry that is set to
// null is removed. A new map entry or slice element starts as its zero value, or as its method SetDefaults (on the pointer)
// leaves it.
package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"sort"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// EnvPrefix begins the name of every environment variable that sets a key.
const EnvPrefix = "OROTUND_"

// maxFile bounds the size of a configuration file in bytes.
const maxFile = 1 << 20

// Options names the sources that are laid over the defaults.
type Options struct {
	// File is the path of a YAML file, which must exist. Empty: no file is read; DefaultFile finds the usual one.
	File string
	// Environ holds NAME=value pairs, as Environ returns them; the last of a name counts. Nil: no environment.
	Environ []string
	// Flags holds the flags that RegisterFlags made; those that were set count, others in the set are ignored. May be nil.
	Flags *pflag.FlagSet
}

// Load lays file, environment and flags over dst, a pointer to a struct that holds the defaults, and then calls Validate on
// every struct, map entry and slice element that has it. It reports every error of every source at once: the result's
// Unwrap() []error yields them, one line each, with the source and the key. After an error dst is partly set: discard it.
func Load(dst any, opts Options) error {
	root := reflect.ValueOf(dst)
	if root.Kind() != reflect.Pointer || root.IsNil() || root.Elem().Kind() != reflect.Struct {
		return fmt.Errorf("load configuration: %T is not a pointer to a struct", dst)
	}
	l := &loader{origin: map[string]string{}, broken: map[string]bool{}}
	if opts.File != "" {
		l.loadFile(root.Elem(), opts.File)
	}
	l.loadEnviron(root.Elem(), opts.Environ)
	if opts.Flags != nil {
		l.loadFlags(root.Elem(), opts.Flags)
	}
	l.validate(root.Elem(), "")
	return errors.Join(l.errs...)
}

// loader collects what one Load finds.
type loader struct {
	errs   []error
	origin map[string]string // key → the source that set it last, for messages of Validate
	broken map[string]bool   // keys that could not be set, about which Validate need not complain again
}

// fail records an error about a key from a source ("orotund.yaml:12", "OROTUND_X", "--x").
func (l *loader) fail(source, key, format string, args ...any) {
	l.broken[key] = true
	l.errs = append(l.errs, located(source, keyUnless(source, key), fmt.Sprintf(format, args...)))
}

// located puts source, key and message in one line; source and key may be empty.
func located(source, key, msg string) error {
	parts := make([]string, 0, 3)
	for _, p := range []string{source, key, msg} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return errors.New(strings.Join(parts, ": "))
}

// loadFile lays the file at path over root.
func (l *loader) loadFile(root reflect.Value, path string) {
	data, err := readFile(path)
	if err != nil {
		l.fail(path, "", "cannot be read: %v", err)
		return
	}
	doc, line, err := parseYAML(data)
	if err != nil {
		source := path
		if line > 0 {
			source = fmt.Sprintf("%s:%d", path, line)
		}
		l.fail(source, "", "%v", err)
		return
	}
	if doc != nil {
		l.node(root, doc, "", source{name: path, lines: true})
		sort.SliceStable(l.errs, func(i, j int) bool { return lineIn(l.errs[i], path) < lineIn(l.errs[j], path) })
	}
}

// lineIn reads back the line from an error about the file at path.
func lineIn(err error, path string) int {
	at, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), path+":"), ":")
	line, _ := strconv.Atoi(at) // 0, and so first, for an error about the whole file
	return line
}

// readFile reads a file of at most maxFile bytes.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		var pe *os.PathError
		if errors.As(err, &pe) {
			return nil, pe.Err // the path stands before the message already
		}
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		var pe *os.PathError
		if errors.As(err, &pe) {
			return nil, pe.Err
		}
		return nil, err
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("larger than %s", Bytes(maxFile))
	}
	return data, nil
}

// validate calls Validate on v and on what it holds, and places the errors.
func (l *loader) validate(v reflect.Value, key string) {
	if val, ok := validator(v); ok {
		for _, e := range flatten(val.Validate()) {
			full, msg := key, e.Error()
			if ke, ok := e.(*keyError); ok { //nolint:errorlint // flatten has taken the tree apart
				full, msg = join(key, ke.key), ke.msg
			}
			if from := l.sourceOf(full); !l.isBroken(full) {
				l.errs = append(l.errs, located(from, keyUnless(from, full), msg))
			}
		}
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() && !isLeaf(v.Type().Elem()) {
			l.validateChildren(v.Elem(), key)
		}
	default:
		if !isLeaf(v.Type()) {
			l.validateChildren(v, key)
		}
	}
}

// validateChildren validates what a struct, map or slice holds.
func (l *loader) validateChildren(v reflect.Value, key string) {
	switch v.Kind() {
	case reflect.Struct:
		for _, f := range fieldsOf(v.Type()) {
			l.validate(v.FieldByIndex(f.index), join(key, f.key))
		}
	case reflect.Map:
		for _, k := range sortedKeys(v) {
			entry := reflect.New(v.Type().Elem()).Elem() // a copy that has an address, for methods on the pointer
			entry.Set(v.MapIndex(k))
			l.validate(entry, join(key, k.String()))
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			l.validate(v.Index(i), fmt.Sprintf("%s[%d]", key, i))
		}
	}
}

// validator returns v's Validate method, by value or, where v is addressable, by pointer.
func validator(v reflect.Value) (interface{ Validate() error }, bool) {
	if v.Kind() == reflect.Pointer && v.IsNil() || v.Kind() == reflect.Interface {
		return nil, false
	}
	if val, ok := v.Interface().(interface{ Validate() error }); ok {
		return val, true
	}
	if v.CanAddr() {
		val, ok := v.Addr().Interface().(interface{ Validate() error })
		return val, ok
	}
	return nil, false
}

// isBroken tells whether key or a node above it could not be set.
func (l *loader) isBroken(key string) bool {
	for k := key; ; k = parent(k) {
		if l.broken[k] && k != "" {
			return true
		}
		if k == "" {
			return false
		}
	}
}

// sourceOf returns the source that set key or the nearest node above it; empty for a default.
func (l *loader) sourceOf(key string) string {
	for k := key; k != ""; k = parent(k) {
		if s, ok := l.origin[k]; ok {
			return s
		}
	}
	return ""
}

// join appends a relative key to a path.
func join(path, key string) string {
	if path == "" || key == "" || key[0] == '[' {
		return path + key
	}
	return path + "." + key
}

// parent cuts the last part off a path.
func parent(key string) string {
	if i := strings.LastIndexAny(key, ".["); i >= 0 {
		return key[:i]
	}
	return ""
}

// source is where a YAML node came from.
type source struct {
	name  string // file name, variable or flag
	lines bool   // whether the node's line says anything
}

// at names the source of one node.
func (s source) at(n *yaml.Node) string {
	if s.lines && n.Line > 0 {
		return fmt.Sprintf("%s:%d", s.name, n.Line)
	}
	return s.name
}
