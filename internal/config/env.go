package config

import (
	"fmt"
	"reflect"
	"sort"
	"strings"
)

// exempt tells whether a variable with our prefix is not a setting: the name of the file, what a worker process is told, and
// what tests use.
func exempt(name string) bool {
	return name == EnvPrefix+"CONFIG" || strings.HasPrefix(name, EnvPrefix+"WORKER_") || strings.HasPrefix(name, EnvPrefix+"TEST_")
}

// envName is the variable of a key.
func envName(key string) string { return EnvPrefix + envPart(key) }

// envPart is a key as it stands in a variable's name: in upper case, with _ for everything but letters and digits.
func envPart(key string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '<', r == '>':
			return r
		default:
			return '_'
		}
	}, key)
}

// step leads from a node to one below it: a field, or a map entry where index is nil.
type step struct {
	index []int
	entry string
}

// spot is one node below the root.
type spot struct {
	key   string
	steps []step
}

// then returns the spot one step further.
func (s spot) then(key string, st step) spot {
	return spot{key: join(s.key, key), steps: append(append([]step(nil), s.steps...), st)}
}

// reach walks the steps below v and calls fn with the addressable value there. Map entries are copied out and put back. It
// returns false where an entry does not exist.
func reach(v reflect.Value, steps []step, fn func(reflect.Value)) bool {
	for v.Kind() == reflect.Pointer && len(steps) > 0 {
		if v.IsNil() {
			v.Set(newElem(v.Type().Elem()).Addr())
		}
		v = v.Elem()
	}
	if len(steps) == 0 {
		fn(v)
		return true
	}
	if steps[0].index != nil {
		return reach(v.FieldByIndex(steps[0].index), steps[1:], fn)
	}
	k := reflect.ValueOf(steps[0].entry).Convert(v.Type().Key())
	old := v.MapIndex(k)
	if !old.IsValid() {
		return false
	}
	elem := reflect.New(v.Type().Elem()).Elem()
	elem.Set(old)
	ok := reach(elem, steps[1:], fn)
	v.SetMapIndex(k, elem)
	return ok
}

// children lists the nodes directly below v: the fields of a struct, the entries of a map. A nil pointer to a struct has the fields
// that it would have.
func children(v reflect.Value, at spot) (below []spot, values []reflect.Value) {
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			v = newElem(v.Type().Elem())
		} else {
			v = v.Elem()
		}
	}
	if isLeaf(v.Type()) {
		return nil, nil
	}
	switch v.Kind() {
	case reflect.Struct:
		for _, f := range fieldsOf(v.Type()) {
			below = append(below, at.then(f.key, step{index: f.index}))
			values = append(values, v.FieldByIndex(f.index))
		}
	case reflect.Map:
		if v.Type().Key().Kind() != reflect.String {
			return nil, nil
		}
		for _, k := range sortedKeys(v) {
			below = append(below, at.then(k.String(), step{entry: k.String()}))
			values = append(values, v.MapIndex(k))
		}
	}
	return below, values
}

// resolve finds the nodes below v whose variable is name, all of them: a_b.c and a.b_c share one.
func resolve(v reflect.Value, at spot, name string, depth int) []spot {
	if depth > maxDepth {
		return nil
	}
	var out []spot
	below, values := children(v, at)
	for i, s := range below {
		switch full := envName(s.key); {
		case full == name:
			out = append(out, s)
		case strings.HasPrefix(name, full+"_"):
			out = append(out, resolve(values[i], s, name, depth+1)...)
		}
	}
	return out
}

// envNames lists the variables of all nodes below v, for suggestions.
func envNames(v reflect.Value, at spot, depth int) []string {
	if depth > maxDepth {
		return nil
	}
	var out []string
	below, values := children(v, at)
	for i, s := range below {
		out = append(append(out, envName(s.key)), envNames(values[i], s, depth+1)...)
	}
	return out
}

// loadEnviron lays the variables over root. They are taken by name, so that a variable for a whole section comes before those for
// its parts.
func (l *loader) loadEnviron(root reflect.Value, environ []string) {
	set := map[string]string{}
	for _, kv := range environ {
		if name, value, ok := strings.Cut(kv, "="); ok && strings.HasPrefix(name, EnvPrefix) {
			set[name] = value
		}
	}
	names := make([]string, 0, len(set))
	for n := range set {
		names = append(names, n)
	}
	sort.Strings(names)
	for _, name := range names {
		spots := resolve(root, spot{}, name, 0)
		switch {
		case len(spots) == 1:
			l.assign(root, spots[0], name, set[name])
		case len(spots) > 1:
			keys := make([]string, len(spots))
			for i, s := range spots {
				keys[i] = s.key
			}
			l.fail(name, "", "stands for more than one key: %s; set it in the file or with a flag", strings.Join(keys, ", "))
		case !exempt(name):
			l.fail(clip(name), "", "unknown variable%s", didYouMean(name, envNames(root, spot{}, 0)))
		}
	}
}

// assign sets one node from the text of a variable or flag: a leaf directly, everything else as YAML. A list of leaves may also
// be written with commas.
func (l *loader) assign(root reflect.Value, s spot, from, text string) {
	ok := reach(root, s.steps, func(v reflect.Value) {
		t := v.Type()
		for t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		l.origin[s.key] = from
		if isLeaf(t) {
			for v.Kind() == reflect.Pointer {
				if v.IsNil() {
					v.Set(newElem(v.Type().Elem()).Addr())
				}
				v = v.Elem()
			}
			if err := setText(v, text); err != nil {
				l.fail(from, s.key, "%v", err)
			}
			return
		}
		l.assignYAML(v, t, s.key, from, text)
	})
	if !ok {
		l.fail(from, s.key, "there is no such entry any more")
	}
}

// assignYAML sets a section, map or list from the text of a variable or flag.
func (l *loader) assignYAML(v reflect.Value, t reflect.Type, key, from, text string) {
	list := t.Kind() == reflect.Slice && isLeaf(t.Elem())
	trimmed := strings.TrimSpace(text)
	if list && !strings.HasPrefix(trimmed, "[") && !strings.HasPrefix(trimmed, "- ") {
		for v.Kind() == reflect.Pointer {
			if v.IsNil() {
				v.Set(newElem(v.Type().Elem()).Addr())
			}
			v = v.Elem()
		}
		l.assignList(v, key, from, text)
		return
	}
	if len(text) > maxFile {
		l.fail(from, key, "larger than %s", Bytes(maxFile))
		return
	}
	n, _, err := parseYAML([]byte(text))
	switch {
	case err != nil:
		l.fail(from, key, "%v", err)
	case n == nil:
		l.fail(from, key, "needs a value: %s as YAML", article(typeName(t)))
	default:
		l.node(v, n, key, source{name: from})
	}
}

// assignList replaces a list of leaves by those between the commas of text; empty text makes an empty list.
func (l *loader) assignList(v reflect.Value, key, from, text string) {
	var parts []string
	if strings.TrimSpace(text) != "" {
		parts = strings.Split(text, ",")
	}
	out := reflect.MakeSlice(v.Type(), len(parts), len(parts))
	for i, p := range parts {
		if err := setText(out.Index(i), strings.TrimSpace(p)); err != nil {
			l.fail(from, fmt.Sprintf("%s[%d]", key, i), "%v", err)
		}
	}
	v.Set(out)
}

// keyUnless returns the key, or nothing where the name of the source says it already.
func keyUnless(from, key string) string {
	if from == envName(key) || from == "--"+key {
		return ""
	}
	return key
}
