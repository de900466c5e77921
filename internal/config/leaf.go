package config

import (
	"encoding"
	"fmt"
	"math"
	"reflect"
	"sort"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

var (
	durationType = reflect.TypeFor[time.Duration]()
	bytesType    = reflect.TypeFor[Bytes]()
	secretType   = reflect.TypeFor[Secret]()
	textType     = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// field is one key of a settings struct.
type field struct {
	key   string
	doc   string
	index []int
	typ   reflect.Type
}

// fieldsOf lists the keys of a struct in the order of its fields. A field without a yaml tag has its name in lower case, "-" hides
// it, and the fields of one marked inline stand among the others.
func fieldsOf(t reflect.Type) []field {
	var out []field
	for i := range t.NumField() {
		f := t.Field(i)
		name, opts, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if !f.IsExported() || name == "-" {
			continue
		}
		if strings.Contains(opts, "inline") && f.Type.Kind() == reflect.Struct {
			for _, in := range fieldsOf(f.Type) {
				in.index = append([]int{i}, in.index...)
				out = append(out, in)
			}
			continue
		}
		if name == "" {
			name = strings.ToLower(f.Name)
		}
		out = append(out, field{key: name, doc: f.Tag.Get("doc"), index: []int{i}, typ: f.Type})
	}
	return out
}

// isLeaf tells whether a type is set from one scalar.
func isLeaf(t reflect.Type) bool {
	if t.Kind() != reflect.Pointer && reflect.PointerTo(t).Implements(textType) {
		return true
	}
	switch t.Kind() {
	case reflect.Bool, reflect.String, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return true
	default:
		return false
	}
}

// typeName names a type in help and reference.
func typeName(t reflect.Type) string {
	switch {
	case t == durationType:
		return "duration"
	case t == bytesType:
		return "size"
	case t == secretType:
		return "secret"
	case isLeaf(t):
		return leafName(t)
	}
	switch t.Kind() {
	case reflect.Pointer:
		return typeName(t.Elem())
	case reflect.Slice, reflect.Array:
		return "list of " + typeName(t.Elem())
	case reflect.Map:
		return "map of " + typeName(t.Elem())
	case reflect.Struct:
		return "section"
	default:
		return "any"
	}
}

// leafName names a leaf's type.
func leafName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "bool"
	case reflect.Float32, reflect.Float64:
		return "number"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if !reflect.PointerTo(t).Implements(textType) {
			return "int"
		}
	}
	return "string"
}

// setText sets a leaf from its text. The error says what is wrong and what is allowed.
func setText(v reflect.Value, text string) error {
	if !utf8.ValidString(text) {
		return fmt.Errorf("is not valid UTF-8")
	}
	if v.Kind() != reflect.String && strings.TrimSpace(text) == "" {
		return fmt.Errorf("needs a value: %s", article(typeName(v.Type())))
	}
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(text))
	}
	if v.Type() == durationType {
		return setDuration(v, text)
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
		return nil
	case reflect.Bool:
		return setBool(v, text)
	case reflect.Float32, reflect.Float64:
		f, err := strconv.ParseFloat(text, v.Type().Bits())
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return fmt.Errorf("%q is not a number", clip(text))
		}
		v.SetFloat(f)
		return nil
	default:
		return setInt(v, text)
	}
}

// setInt sets an integer of any size.
func setInt(v reflect.Value, text string) error {
	var err error
	if v.CanInt() {
		var i int64
		if i, err = strconv.ParseInt(text, 10, v.Type().Bits()); err == nil {
			v.SetInt(i)
			return nil
		}
	} else {
		var u uint64
		if u, err = strconv.ParseUint(text, 10, v.Type().Bits()); err == nil {
			v.SetUint(u)
			return nil
		}
	}
	if strings.HasSuffix(err.Error(), strconv.ErrRange.Error()) {
		return fmt.Errorf("%q is out of range", clip(text))
	}
	if v.CanUint() {
		return fmt.Errorf("%q is not a whole number of at least 0", clip(text))
	}
	return fmt.Errorf("%q is not a whole number", clip(text))
}

// setBool takes the words of YAML 1.1.
func setBool(v reflect.Value, text string) error {
	switch strings.ToLower(text) {
	case "true", "yes", "on":
		v.SetBool(true)
	case "false", "no", "off":
		v.SetBool(false)
	default:
		return fmt.Errorf("%q is neither true nor false", clip(text))
	}
	return nil
}

// setDuration takes Go's notation.
func setDuration(v reflect.Value, text string) error {
	d, err := time.ParseDuration(text)
	if err != nil {
		if _, nerr := strconv.ParseFloat(text, 64); nerr == nil {
			return fmt.Errorf("%q has no unit; write for example %ss", clip(text), clip(text))
		}
		return fmt.Errorf("%q is not a duration; write for example 500ms, 5s or 2h30m", clip(text))
	}
	v.SetInt(int64(d))
	return nil
}

// leafText is the text from which setText makes v again; the mask for a secret.
func leafText(v reflect.Value) (string, error) {
	if v.Type() == durationType {
		return formatDuration(time.Duration(v.Int())), nil
	}
	if m, ok := v.Interface().(encoding.TextMarshaler); ok {
		b, err := m.MarshalText()
		return string(b), err
	}
	if v.CanAddr() {
		if m, ok := v.Addr().Interface().(encoding.TextMarshaler); ok {
			b, err := m.MarshalText()
			return string(b), err
		}
	}
	switch {
	case v.Kind() == reflect.Bool:
		return strconv.FormatBool(v.Bool()), nil
	case v.CanInt():
		return strconv.FormatInt(v.Int(), 10), nil
	case v.CanUint():
		return strconv.FormatUint(v.Uint(), 10), nil
	case v.CanFloat():
		return strconv.FormatFloat(v.Float(), 'g', -1, v.Type().Bits()), nil
	case v.Kind() == reflect.String:
		return v.String(), nil
	default:
		return "", fmt.Errorf("%s has no text", v.Type())
	}
}

// sortedKeys lists the keys of a map with string keys.
func sortedKeys(v reflect.Value) []reflect.Value {
	keys := v.MapKeys()
	sort.Slice(keys, func(i, j int) bool { return keys[i].String() < keys[j].String() })
	return keys
}

// newElem makes the start value of a new map entry or slice element.
func newElem(t reflect.Type) reflect.Value {
	p := reflect.New(t)
	if d, ok := p.Interface().(interface{ SetDefaults() }); ok {
		d.SetDefaults()
	}
	return p.Elem()
}

// article puts a or an before a noun.
func article(noun string) string {
	if strings.ContainsRune("aeiou", rune(noun[0])) {
		return "an " + noun
	}
	return "a " + noun
}
