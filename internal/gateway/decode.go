package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/orotund/orotund/internal/fault"
)

// drainLimit is how much of a body that is too large is read and dropped, so that a client that sends first and reads later gets to
// see its error.
const drainLimit = 32 << 20

// readJSON reads a bounded body of Content-Type application/json, as an object whose fields are still raw. What is wrong names the
// field: "content-type", largest (the field that can make a body too large), or "body".
func (g *Gateway) readJSON(w http.ResponseWriter, r *http.Request, largest string) (map[string]json.RawMessage, error) {
	ct := r.Header.Get("Content-Type")
	if mt, _, err := mime.ParseMediaType(ct); err != nil || mt != "application/json" {
		return nil, &fault.Error{Kind: fault.MediaType, Field: "content-type", Message: "must be application/json"}
	}
	limit := int64(g.cfg.MaxBody)
	tooLarge := &fault.Error{Kind: fault.TooLarge, Field: largest, Code: "body_too_large",
		Message: fmt.Sprintf("the request body is larger than %d bytes", limit)}
	if r.ContentLength > limit && r.Header.Get("Expect") != "" {
		return nil, tooLarge // the client asked before it sends
	}
	rc := http.NewResponseController(w)
	_ = rc.SetReadDeadline(time.Now().Add(g.cfg.ReadTimeout))
	body, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	switch {
	case int64(len(body)) > limit:
		_, _ = io.Copy(io.Discard, io.LimitReader(r.Body, drainLimit))
		return nil, tooLarge
	case err != nil:
		return nil, fault.InvalidField("body", "did not arrive whole within %v", g.cfg.ReadTimeout).WithCode("body_incomplete").WithCause(err)
	}
	_ = rc.SetReadDeadline(time.Time{}) // else it would end the request while it is answered
	return parseObject(body)
}

// parseObject parses one JSON object with nothing after it. A field that is there twice is refused: which of the two counts would
// differ from parser to parser.
func parseObject(body []byte) (map[string]json.RawMessage, error) {
	var whole json.RawMessage
	if err := json.Unmarshal(body, &whole); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) && len(bytes.TrimSpace(body)) > 0 {
			return nil, fault.InvalidField("body", "is not one JSON object: byte %d", syntax.Offset).WithCode("invalid_json")
		}
		return nil, fault.InvalidField("body", "is empty; it must be a JSON object").WithCode("invalid_json")
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, fault.InvalidField("body", "must be a JSON object").WithCode("invalid_json")
	}
	fields := map[string]json.RawMessage{}
	for dec.More() {
		var value json.RawMessage
		name, err := dec.Token()
		if err == nil {
			err = dec.Decode(&value)
		}
		if err != nil {
			return nil, fault.InvalidField("body", "must be a JSON object").WithCode("invalid_json").WithCause(err)
		}
		key := fmt.Sprint(name) // a string: that it is JSON has been checked
		if _, twice := fields[key]; twice {
			return nil, fault.InvalidField(nameOf(key), "is given twice").WithCode("duplicate_field")
		}
		fields[key] = value
	}
	return fields, nil
}

// nameOf is a name that the client made up, as errors repeat it.
func nameOf(field string) string {
	if field == "" || len(field) > 64 || strings.ContainsFunc(field, unicode.IsControl) {
		return "body"
	}
	return field
}

// fields reads the fields of an object one by one and collects the first error.
type fields struct {
	raw map[string]json.RawMessage
	err error
}

// take reads a field into dst and forgets it; an absent or null field leaves dst as it is.
func (f *fields) take(name string, dst any, form string) {
	raw, ok := f.raw[name]
	delete(f.raw, name)
	if f.err != nil || !ok || string(raw) == "null" {
		return
	}
	if !utf8.Valid(raw) {
		f.err = fault.InvalidField(name, "is not valid UTF-8").WithCode("invalid_utf8")
		return
	}
	if err := json.Unmarshal(raw, dst); err != nil {
		f.err = fault.InvalidField(name, "must be %s", form).WithCode("wrong_type")
		return
	}
	if s, ok := dst.(*string); ok && strings.ContainsRune(*s, utf8.RuneError) && !bytes.ContainsRune(raw, utf8.RuneError) &&
		!bytes.Contains(bytes.ToLower(raw), []byte(`\ufffd`)) {
		f.err = fault.InvalidField(name, `holds half of a surrogate pair (a \uD800 to \uDFFF escape alone)`).WithCode("invalid_utf8")
	}
}

// done returns the first error, or one about a field that nobody has taken.
func (f *fields) done(known string) error {
	if f.err != nil {
		return f.err
	}
	for _, name := range slices.Sorted(maps.Keys(f.raw)) {
		return fault.InvalidField(nameOf(name), "unknown field; known are %s", known).WithCode("unknown_field")
	}
	return nil
}

// writeJSON writes a body that has been made whole before.
func writeJSON(w http.ResponseWriter, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode response: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(data, '\n')) // the client may be gone
	return nil
}
