package config

import "fmt"

// keyError is an error about one key, relative to the struct whose Validate made it.
type keyError struct{ key, msg string }

// Error tells the key and the message.
func (e *keyError) Error() string {
	if e.key == "" {
		return e.msg
	}
	return e.key + ": " + e.msg
}

// Invalid returns an error about one key. The key is relative to the struct that Validate was called on (a nested one is
// dotted, and empty means the struct itself); Load puts the path of the struct and the source of the value before it. The message says what
// is wrong and what is allowed, and never holds the value of a Secret. Join several with errors.Join.
func Invalid(key, format string, args ...any) error {
	return &keyError{key: key, msg: fmt.Sprintf(format, args...)}
}

// flatten takes joined errors apart.
func flatten(err error) []error {
	if err == nil {
		return nil
	}
	if j, ok := err.(interface{ Unwrap() []error }); ok { // only the outermost is a list
		var out []error
		for _, e := range j.Unwrap() {
			out = append(out, flatten(e)...)
		}
		return out
	}
	return []error{err}
}
