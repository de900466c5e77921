package config

import (
	"bytes"
	"fmt"
	"io"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Write writes a settings struct (or a pointer to one) as YAML with its doc tags as comments. Secrets that are set are masked, and Load refuses
// the mask, so that a printed configuration cannot pass for a whole one; everything else loads back as it was, except that an
// entry taken out of a default map needs `name: null` to stay out.
func Write(w io.Writer, cfg any) error {
	root, err := toNode(reflect.ValueOf(cfg))
	if err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	var buf bytes.Buffer
	enc := yaml.NewEncoder(&buf)
	enc.SetIndent(2)
	if err := enc.Encode(root); err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	if err := enc.Close(); err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	if _, err := w.Write(buf.Bytes()); err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	return nil
}

// toNode makes the YAML node of a value.
func toNode(v reflect.Value) (*yaml.Node, error) {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}, nil
		}
		if v.Kind() == reflect.Interface {
			n := new(yaml.Node)
			return n, n.Encode(v.Interface())
		}
		v = v.Elem()
	}
	if isLeaf(v.Type()) {
		return leafNode(v)
	}
	switch v.Kind() {
	case reflect.Struct:
		return structToNode(v)
	case reflect.Map:
		n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		for _, k := range sortedKeys(v) {
			c, err := toNode(v.MapIndex(k))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", k, err)
			}
			n.Content = append(n.Content, stringNode(k.String()), c)
		}
		return n, nil
	case reflect.Slice, reflect.Array:
		n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		for i := range v.Len() {
			c, err := toNode(v.Index(i))
			if err != nil {
				return nil, fmt.Errorf("[%d]: %w", i, err)
			}
			if c.Kind == yaml.MappingNode && len(c.Content) > 0 { // over the dash, not between it and the first key
				c.HeadComment, c.Content[0].HeadComment = c.Content[0].HeadComment, ""
			}
			n.Content = append(n.Content, c)
		}
		return n, nil
	default:
		return nil, fmt.Errorf("a value of type %s has no YAML", v.Type())
	}
}

// structToNode makes a mapping with a comment over each key.
func structToNode(v reflect.Value) (*yaml.Node, error) {
	n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	for _, f := range fieldsOf(v.Type()) {
		c, err := toNode(v.FieldByIndex(f.index))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.key, err)
		}
		k := stringNode(f.key)
		if f.doc != "" {
			k.HeadComment = "# " + strings.Join(strings.Fields(f.doc), " ")
		}
		n.Content = append(n.Content, k, c)
	}
	return n, nil
}

// leafNode makes a scalar.
func leafNode(v reflect.Value) (*yaml.Node, error) {
	text, err := leafText(v)
	if err != nil {
		return nil, err
	}
	if k := v.Kind(); k == reflect.String || leafName(v.Type()) == "string" && v.Type() != bytesType {
		return stringNode(text), nil
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Value: text}, nil // plain: a number, a boolean, 5s, 64MiB
}

// stringNode makes a string, quoted where plain text would not read back.
func stringNode(s string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
	if strings.ContainsFunc(s, func(r rune) bool {
		return r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 || r == 0xfeff
	}) {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

// oneLine is a value as YAML in one line, as help and reference show it; empty for nil and for what has no text.
func oneLine(v reflect.Value) string {
	t := v.Type()
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			return ""
		}
		v = v.Elem()
	}
	if isLeaf(t) || isLeaf(v.Type()) {
		text, err := leafText(v)
		if err != nil {
			return ""
		}
		return text
	}
	n, err := toNode(v)
	if err != nil {
		return ""
	}
	flow(n)
	var buf strings.Builder
	enc := yaml.NewEncoder(&buf)
	if enc.Encode(n) != nil {
		return ""
	}
	return strings.Join(strings.Fields(buf.String()), " ")
}

// flow makes a tree of nodes print in one line, without comments.
func flow(n *yaml.Node) {
	n.HeadComment, n.Style = "", n.Style|yaml.FlowStyle
	for _, c := range n.Content {
		flow(c)
	}
}
