package fault

import (
	"errors"
	"io"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

// domain marks our ErrorInfo details among others'.
const domain = "orotund"

type code struct {
	http int
	grpc codes.Code
}

// table is the one place where kinds meet codes.
var table = map[Kind]code{
	Invalid:         {400, codes.InvalidArgument},
	TooLarge:        {413, codes.InvalidArgument},
	MediaType:       {415, codes.InvalidArgument},
	Unauthenticated: {401, codes.Unauthenticated},
	Forbidden:       {403, codes.PermissionDenied},
	NotFound:        {404, codes.NotFound},
	Method:          {405, codes.Unimplemented},
	Conflict:        {409, codes.Aborted},
	Exhausted:       {429, codes.ResourceExhausted},
	Unavailable:     {503, codes.Unavailable},
	Deadline:        {504, codes.DeadlineExceeded},
	Canceled:        {499, codes.Canceled},
	Unimplemented:   {501, codes.Unimplemented},
	Internal:        {500, codes.Internal},
}

// HTTP returns the status code of a kind.
func (k Kind) HTTP() int { return table[k].http }

// GRPC returns the status code of a kind.
func (k Kind) GRPC() codes.Code { return table[k].grpc }

// ToGRPC turns err into a gRPC status error with ErrorInfo, BadRequest and RetryInfo details. The cause stays behind.
func ToGRPC(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	e := From(err)
	st := status.New(e.Kind.GRPC(), e.Message)
	info := &errdetails.ErrorInfo{Reason: string(e.Kind), Domain: domain}
	if e.Code != "" {
		info.Metadata = map[string]string{"code": e.Code}
	}
	if s, derr := st.WithDetails(info); derr == nil {
		st = s
	}
	if e.Field != "" {
		d := &errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: e.Field, Description: e.Message}}}
		if s, derr := st.WithDetails(d); derr == nil {
			st = s
		}
	}
	if e.RetryAfter > 0 {
		if s, derr := st.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(e.RetryAfter)}); derr == nil {
			st = s
		}
	}
	return st.Err()
}

// FromGRPC turns a gRPC status error into an *Error: exactly the one given to ToGRPC if it came from there (less its cause), else
// the nearest kind. io.EOF and nil pass.
func FromGRPC(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	var e *Error
	if errors.As(err, &e) {
		return err
	}
	st, ok := status.FromError(err)
	if !ok {
		return From(err)
	}
	e = &Error{Kind: kindOf(st.Code()), Message: st.Message(), Cause: err}
	for _, d := range st.Details() {
		switch d := d.(type) {
		case *errdetails.ErrorInfo:
			if d.Domain == domain {
				e.Kind, e.Code = Kind(d.Reason), d.Metadata["code"]
				e.Cause = nil
			}
		case *errdetails.BadRequest:
			if len(d.FieldViolations) > 0 {
				e.Field = d.FieldViolations[0].Field
			}
		case *errdetails.RetryInfo:
			e.RetryAfter = d.RetryDelay.AsDuration()
		}
	}
	if _, known := table[e.Kind]; !known {
		e.Kind = Internal
	}
	return e
}

// kindOf is the table read backwards for errors that others made.
func kindOf(c codes.Code) Kind {
	switch c {
	case codes.InvalidArgument, codes.OutOfRange:
		return Invalid
	case codes.NotFound:
		return NotFound
	case codes.Unauthenticated:
		return Unauthenticated
	case codes.PermissionDenied:
		return Forbidden
	case codes.AlreadyExists, codes.Aborted:
		return Conflict
	case codes.ResourceExhausted:
		return Exhausted
	case codes.Unavailable, codes.FailedPrecondition:
		return Unavailable
	case codes.DeadlineExceeded:
		return Deadline
	case codes.Canceled:
		return Canceled
	case codes.Unimplemented:
		return Unimplemented
	default:
		return Internal
	}
}

// RetryAfterSeconds is e.RetryAfter for a Retry-After header: whole seconds, rounded up, at least 1; 0 if it is not set.
func (e *Error) RetryAfterSeconds() int {
	if e.RetryAfter <= 0 {
		return 0
	}
	return int((e.RetryAfter + time.Second - 1) / time.Second)
}
