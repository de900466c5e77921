package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Bounds of one YAML document once its aliases are followed.
const (
	maxNodes = 100_000
	maxDepth = 64
)

// yamlLine finds the position in the parser's messages.
var yamlLine = regexp.MustCompile(`^(?:yaml: )?(?:line (\d+): )?`)

// parseYAML reads one document and returns its root, nil if it is empty. An error comes with its line, 0 where unknown.
func parseYAML(data []byte) (root *yaml.Node, line int, err error) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc yaml.Node
	if err := dec.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, 0, nil
		}
		return nil, lineOf(err), errors.New(yamlLine.ReplaceAllString(err.Error(), ""))
	}
	var second yaml.Node
	switch err := dec.Decode(&second); {
	case err == nil:
		return nil, second.Line, errors.New("a second document begins here; one is allowed")
	case !errors.Is(err, io.EOF):
		return nil, lineOf(err), errors.New(yamlLine.ReplaceAllString(err.Error(), ""))
	}
	if len(doc.Content) == 0 {
		return nil, 0, nil
	}
	left := maxNodes
	if n := unbounded(doc.Content[0], &left, 0); n != nil {
		return nil, n.Line, fmt.Errorf("too large once aliases are followed: at most %d values, %d deep", maxNodes, maxDepth)
	}
	return doc.Content[0], 0, nil
}

// lineOf reads the line out of a parser's message.
func lineOf(err error) int {
	line, _ := strconv.Atoi(yamlLine.FindStringSubmatch(err.Error())[1])
	return line
}

// unbounded walks n as the decoder will and returns the node at which a bound is passed.
func unbounded(n *yaml.Node, left *int, depth int) *yaml.Node {
	if *left--; *left < 0 || depth > maxDepth {
		return n
	}
	if n.Kind == yaml.AliasNode {
		return unbounded(n.Alias, left, depth+1)
	}
	for _, c := range n.Content {
		if over := unbounded(c, left, depth+1); over != nil {
			return over
		}
	}
	return nil
}

// node lays a YAML node over v.
func (l *loader) node(v reflect.Value, n *yaml.Node, key string, src source) {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	at := src.at(n)
	if key != "" {
		l.origin[key] = at
	}
	null := n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null"
	switch {
	case v.Kind() == reflect.Pointer && null:
		v.SetZero()
	case v.Kind() == reflect.Pointer:
		if v.IsNil() {
			v.Set(newElem(v.Type().Elem()).Addr())
		}
		l.node(v.Elem(), n, key, src)
	case isLeaf(v.Type()):
		l.scalar(v, n, null, key, at)
	case v.Kind() == reflect.Interface:
		var x any
		if err := n.Decode(&x); err != nil {
			l.fail(at, key, "%s", yamlLine.ReplaceAllString(err.Error(), ""))
		} else if x != nil {
			v.Set(reflect.ValueOf(x))
		}
	case null: // a section whose keys are all commented out
	case v.Kind() == reflect.Struct:
		l.structNode(v, n, key, src)
	case v.Kind() == reflect.Map && v.Type().Key().Kind() == reflect.String:
		l.mapNode(v, n, key, src)
	case v.Kind() == reflect.Slice:
		l.sliceNode(v, n, key, src)
	default:
		l.fail(at, key, "a value of type %s cannot be set", v.Type())
	}
}

// scalar sets a leaf.
func (l *loader) scalar(v reflect.Value, n *yaml.Node, null bool, key, at string) {
	switch {
	case n.Kind != yaml.ScalarNode:
		l.fail(at, key, "is %s; %s is needed", kindName(n), article(typeName(v.Type())))
	case null:
		l.fail(at, key, "needs a value: %s", article(typeName(v.Type())))
	case n.ShortTag() == "!!binary":
		l.fail(at, key, "is binary; text is needed")
	default:
		if err := setText(v, n.Value); err != nil {
			l.fail(at, key, "%v", err)
		}
	}
}

// structNode lays a mapping over a struct.
func (l *loader) structNode(v reflect.Value, n *yaml.Node, key string, src source) {
	fields := fieldsOf(v.Type())
	for _, p := range l.pairs(n, key, src) {
		found := false
		for _, f := range fields {
			if f.key == p.name {
				l.node(v.FieldByIndex(f.index), p.value, join(key, f.key), src.line(p))
				found = true
			}
		}
		if !found {
			names := make([]string, len(fields))
			for i, f := range fields {
				names[i] = f.key
			}
			l.fail(src.at(p.key), join(key, clip(p.name)), "unknown key%s", didYouMean(p.name, names))
		}
	}
}

// mapNode lays a mapping over a map: entry over entry, null removes one.
func (l *loader) mapNode(v reflect.Value, n *yaml.Node, key string, src source) {
	if v.IsNil() {
		v.Set(reflect.MakeMap(v.Type()))
	}
	for _, p := range l.pairs(n, key, src) {
		k := reflect.ValueOf(p.name).Convert(v.Type().Key())
		if p.value.Kind == yaml.ScalarNode && p.value.ShortTag() == "!!null" {
			v.SetMapIndex(k, reflect.Value{})
			continue
		}
		elem := newElem(v.Type().Elem())
		if old := v.MapIndex(k); old.IsValid() {
			elem.Set(old)
		}
		l.node(elem, p.value, join(key, p.name), src.line(p))
		v.SetMapIndex(k, elem)
	}
}

// sliceNode replaces a slice.
func (l *loader) sliceNode(v reflect.Value, n *yaml.Node, key string, src source) {
	if n.Kind != yaml.SequenceNode {
		l.fail(src.at(n), key, "is %s; a list is needed", kindName(n))
		return
	}
	for k := range l.origin { // what was said about elements that are gone
		if strings.HasPrefix(k, key+"[") {
			delete(l.origin, k)
		}
	}
	out := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	for i, c := range n.Content {
		out.Index(i).Set(newElem(v.Type().Elem()))
		l.node(out.Index(i), c, fmt.Sprintf("%s[%d]", key, i), src)
	}
	v.Set(out)
}

// pair is one entry of a mapping.
type pair struct {
	name       string
	key, value *yaml.Node
}

// line makes the position of a value that of its key, which is the one to show for a nested mapping.
func (s source) line(p pair) source {
	if s.lines && p.value.Kind != yaml.AliasNode && p.value.Kind != yaml.ScalarNode {
		p.value.Line = p.key.Line
	}
	return s
}

// pairs lists the entries of a mapping, those merged with << first and only where the mapping does not set them itself.
func (l *loader) pairs(n *yaml.Node, key string, src source) []pair {
	if n.Kind != yaml.MappingNode {
		l.fail(src.at(n), key, "is %s; keys with values are needed", kindName(n))
		return nil
	}
	var own, merged []pair
	first := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, val := n.Content[i], n.Content[i+1]
		for k.Kind == yaml.AliasNode {
			k = k.Alias
		}
		if k.Kind == yaml.ScalarNode && k.ShortTag() == "!!merge" {
			merged = append(merged, l.merges(val, key, src)...)
			continue
		}
		if k.Kind != yaml.ScalarNode {
			l.fail(src.at(k), key, "a key is %s; text is needed", kindName(k))
			continue
		}
		if f, twice := first[k.Value]; twice {
			where := ""
			if src.lines {
				where = fmt.Sprintf(", first on line %d", f.Line)
			}
			l.fail(src.at(k), join(key, clip(k.Value)), "is set twice%s", where)
			continue
		}
		first[k.Value] = k
		own = append(own, pair{name: k.Value, key: k, value: val})
	}
	out := make([]pair, 0, len(own)+len(merged))
	for _, p := range merged {
		if _, set := first[p.name]; !set {
			first[p.name] = p.key
			out = append(out, p)
		}
	}
	return append(out, own...)
}

// merges lists the entries that << brings in: of one mapping, or of a list of them, of which the first wins.
func (l *loader) merges(n *yaml.Node, key string, src source) []pair {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind != yaml.SequenceNode {
		return l.pairs(n, key, src)
	}
	var out []pair
	for _, c := range n.Content {
		for c.Kind == yaml.AliasNode {
			c = c.Alias
		}
		out = append(out, l.pairs(c, key, src)...)
	}
	return out
}

// kindName names what a node is.
func kindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	default:
		return "a single value"
	}
}
