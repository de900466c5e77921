// Package fault holds the kinds of error that Orotund tells its callers, and the one table from a kind to the codes of HTTP
// and gRPC. An error gets its kind where it occurs, and its code once, at the edge.
package fault

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Kind is a class of error that a caller can act on. The strings are public and stable.
type Kind string

// Kinds. The table in codes.go gives each its codes.
const (
	Invalid         Kind = "invalid_argument"       // a field's value cannot be used; Field and Message say which and why
	TooLarge        Kind = "too_large"              // body, text or another size is over its limit
	MediaType       Kind = "unsupported_media_type" // the body's Content-Type
	Unauthenticated Kind = "unauthenticated"        // no or bad credentials
	Forbidden       Kind = "permission_denied"      // not this tenant's
	NotFound        Kind = "not_found"              // route, voice, model, task …
	Method          Kind = "method_not_allowed"     // HTTP method
	Conflict        Kind = "conflict"               // exists already, or changed meanwhile
	Exhausted       Kind = "resource_exhausted"     // quota or queue; RetryAfter is set
	Unavailable     Kind = "unavailable"            // a role or an engine is missing or broken; a retry may help
	Deadline        Kind = "deadline_exceeded"      // not done in time
	Canceled        Kind = "canceled"               // the caller went away
	Unimplemented   Kind = "unimplemented"          // known, not built
	Internal        Kind = "internal"               // ours to mend; the message tells nothing private
)

// Error is an error with a kind. Message is for the caller: complete, one sentence, without the text of the request, a path or
// an address. Cause is for logs.
type Error struct {
	Kind       Kind
	Code       string        // stable refinement, for example "voice_not_found"; may be empty
	Field      string        // the request's field, in the protocol's own name; may be empty
	Message    string        // what was wrong and what is allowed
	RetryAfter time.Duration // 0: not known
	Cause      error
}

// New returns an error of a kind with a message for the caller.
func New(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// InvalidField returns an Invalid error about one field of the request.
func InvalidField(field, format string, args ...any) *Error {
	return &Error{Kind: Invalid, Field: field, Message: fmt.Sprintf(format, args...)}
}

// Error tells the message and the cause.
func (e *Error) Error() string {
	s := e.Message
	if e.Field != "" {
		s = e.Field + ": " + s
	}
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// WithCause returns a copy of e with its cause.
func (e *Error) WithCause(err error) *Error {
	c := *e
	c.Cause = err
	return &c
}

// WithCode returns a copy of e with its code.
func (e *Error) WithCode(code string) *Error {
	c := *e
	c.Code = code
	return &c
}

// WithRetryAfter returns a copy of e that tells when to try again.
func (e *Error) WithRetryAfter(d time.Duration) *Error {
	c := *e
	c.RetryAfter = d
	return &c
}

// From finds the *Error in err's chain. An error without one becomes Canceled or Deadline if a context ended, otherwise
// Internal with a message that gives nothing away. From(nil) is nil.
func From(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	switch {
	case errors.Is(err, context.Canceled):
		return New(Canceled, "the request was cancelled").WithCause(err)
	case errors.Is(err, context.DeadlineExceeded):
		return New(Deadline, "the request's deadline passed").WithCause(err)
	}
	return New(Internal, "internal error").WithCause(err)
}

// Is tells whether err is of a kind.
func Is(err error, kind Kind) bool {
	return err != nil && From(err).Kind == kind
}
