package rpc

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/orotund/orotund/internal/fault"
)

// Codes of errors about a role that another process should serve.
const (
	CodeRoleUnavailable = "role_unavailable" // it does not run, cannot be reached, or its process has just ended
	CodeRoleTimeout     = "role_timeout"     // it took too long
)

// FromRole turns the error of a call to a role in another process into the *fault.Error that it was there. ctx is the call's. What gRPC
// itself says (no connection, a lost one, no such service) becomes an error that names the role, and neither an address nor gRPC's
// words, which stay behind as the cause. nil and io.EOF pass.
func FromRole(ctx context.Context, role string, err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	f := fault.From(fault.FromGRPC(err))
	if f.Kind == fault.Canceled && ctx.Err() == nil {
		return unavailable(role, err) // cancelled, but not by us: the process stops
	}
	if f.Cause == nil {
		return f // the role's own
	}
	switch f.Kind {
	case fault.Canceled:
		return fault.New(fault.Canceled, "the request was cancelled").WithCause(f.Cause)
	case fault.Deadline:
		return fault.New(fault.Deadline, "the %s role did not answer in time", role).WithCode(CodeRoleTimeout).WithCause(f.Cause)
	case fault.Unavailable, fault.Unimplemented: // unimplemented: a process that does not serve the role
		return unavailable(role, f.Cause)
	default:
		return fault.New(fault.Internal, "internal error").WithCause(f.Cause)
	}
}

func unavailable(role string, cause error) error {
	return fault.New(fault.Unavailable, "the %s role does not answer", role).WithCode(CodeRoleUnavailable).WithRetryAfter(time.Second).WithCause(cause)
}
