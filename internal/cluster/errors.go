package cluster

import (
	"context"
	"errors"
	"io/fs"
	"syscall"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/orotund/orotund/internal/fault"
)

// Codes of the errors of this package (fault.Error.Code). They are stable.
const (
	CodeCondition  = "condition_failed"   // Conflict: a condition did not hold; nothing was written
	CodeUnknown    = "outcome_unknown"    // Unavailable, Deadline, Canceled or Internal: the write may or may not have happened
	CodeCompacted  = "revision_compacted" // Conflict: the history back to the asked revision is gone
	CodeLagged     = "watch_lagged"       // Exhausted: the reader of a watch was too slow
	CodeLease      = "lease_not_found"    // NotFound: the lease has ended
	CodeFull       = "store_full"         // Unavailable: the store's quota is used up; it can be read and deleted from
	CodeNoLeader   = "no_leader"          // Unavailable: no majority of members, or an election goes on; nothing was written
	CodeStopped    = "store_stopped"      // Unavailable: before Start or after Stop; nothing was written
	CodeFailed     = "store_failed"       // Unavailable: the store has broken down or cannot start
	CodeCorrupt    = "store_corrupt"      // Unavailable: the store's files are damaged
	CodeInUse      = "store_in_use"       // Conflict: another process uses the data directory
	CodeDiskFull   = "disk_full"          // Unavailable: no space left on the disk
	CodeUnwritable = "store_unwritable"   // Unavailable: the data directory cannot be made or written
	CodeRefused    = "store_refused"      // Unavailable: an external etcd refuses Orotund's credentials
)

// OutcomeUnknown tells whether err came from a write that may or may not have happened: its answer was lost. For every other error
// of Commit nothing was written.
func OutcomeUnknown(err error) bool { return hasCode(err, CodeUnknown) }

// Compacted tells whether err says that the history back to the asked revision is gone.
func Compacted(err error) bool { return hasCode(err, CodeCompacted) }

func hasCode(err error, code string) bool {
	var e *fault.Error
	return errors.As(err, &e) && e.Code == code
}

// answer is what an error of etcd becomes.
type answer struct {
	kind fault.Kind
	code string
	text string
	sure bool // a write that got this error was certainly not applied
}

const (
	textStopped  = "the state store is not running"
	textNoLeader = "the state store has no leader at the moment"
	textRefused  = "the state store refuses Orotund's credentials"
	textDown     = "the state store does not answer"
)

// answerTo finds the answer to an error of etcd, whether it came from the member in this process or over the network.
func answerTo(err error) answer {
	switch {
	case errors.Is(err, rpctypes.ErrCompacted):
		return answer{fault.Conflict, CodeCompacted, "the history back to that revision is no longer kept", true}
	case errors.Is(err, rpctypes.ErrFutureRev):
		return answer{fault.Invalid, "", "that revision does not exist yet", true}
	case errors.Is(err, rpctypes.ErrNoSpace):
		return answer{fault.Unavailable, CodeFull, "the state store is full", true}
	case errors.Is(err, rpctypes.ErrLeaseNotFound):
		return answer{fault.NotFound, CodeLease, "the lease has ended", true}
	case errors.Is(err, rpctypes.ErrRequestTooLarge):
		return answer{fault.TooLarge, "", "the transaction is larger than the state store takes", true}
	case errors.Is(err, rpctypes.ErrTooManyOps):
		return answer{fault.TooLarge, "", "the transaction has more operations than the state store takes", true}
	case errors.Is(err, rpctypes.ErrTooManyRequests):
		return answer{fault.Exhausted, "", "the state store is overloaded", true}
	case errors.Is(err, rpctypes.ErrNoLeader):
		return answer{fault.Unavailable, CodeNoLeader, textNoLeader, true}
	case errors.Is(err, rpctypes.ErrPermissionDenied), errors.Is(err, rpctypes.ErrAuthFailed),
		errors.Is(err, rpctypes.ErrUserEmpty), errors.Is(err, rpctypes.ErrInvalidAuthToken),
		errors.Is(err, rpctypes.ErrAuthNotEnabled), errors.Is(err, rpctypes.ErrPermissionNotGranted):
		return answer{fault.Unavailable, CodeRefused, textRefused, true}
	case errors.Is(err, context.DeadlineExceeded):
		return answer{fault.Deadline, "", "the state store did not answer in time", false}
	case errors.Is(err, context.Canceled):
		return answer{fault.Canceled, "", "the call to the state store was cancelled", false}
	}
	return answerToCode(err)
}

// answerToCode goes by the gRPC code of an error without a name of its own.
func answerToCode(err error) answer {
	code := codes.Unknown
	var named rpctypes.EtcdError
	if errors.As(err, &named) {
		code = named.Code()
	} else if st, ok := status.FromError(err); ok {
		code = st.Code()
		// What raft says to a proposal while there is no leader; etcd gives it no code of its own.
		if st.Message() == "raft proposal dropped" {
			return answer{fault.Unavailable, CodeNoLeader, textNoLeader, true}
		}
	}
	switch code {
	case codes.Unavailable:
		return answer{fault.Unavailable, "", textDown, false}
	case codes.DeadlineExceeded:
		return answer{fault.Deadline, "", "the state store did not answer in time", false}
	case codes.Canceled:
		return answer{fault.Canceled, "", "the call to the state store was cancelled", false}
	case codes.Unauthenticated, codes.PermissionDenied:
		return answer{fault.Unavailable, CodeRefused, textRefused, true}
	}
	return answer{fault.Internal, "", "the state store failed", false}
}

// readFault is the error of a call that writes nothing.
func readFault(err error) error {
	a := answerTo(err)
	return newFault(a, a.code, err)
}

// writeFault is the error of a write that was sent: unless etcd's error excludes it, the write may have happened.
func writeFault(err error) error {
	a := answerTo(err)
	code := a.code
	if !a.sure {
		code = CodeUnknown
	}
	return newFault(a, code, err)
}

func newFault(a answer, code string, cause error) error {
	e := fault.New(a.kind, "%s", a.text).WithCode(code).WithCause(cause)
	if a.kind == fault.Exhausted {
		e = e.WithRetryAfter(time.Second)
	}
	return e
}

// openFault is the error of a store that cannot start or that has broken down. hadData tells whether there were files of an earlier
// run: what stops etcd then, other than the disk and its rights, is damage to them.
func openFault(err error, hadData bool) error {
	var e *fault.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e):
		return err
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fault.New(fault.Unavailable, "the disk that holds the state store is full").WithCode(CodeDiskFull).WithCause(err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS), errors.Is(err, syscall.ENOTDIR):
		return fault.New(fault.Unavailable, "the state store's directory cannot be written").WithCode(CodeUnwritable).WithCause(err)
	case errors.Is(err, context.DeadlineExceeded):
		return fault.New(fault.Deadline, "the state store did not start in time").WithCode(CodeFailed).WithCause(err)
	case errors.Is(err, context.Canceled):
		return fault.New(fault.Canceled, "the start of the state store was cancelled").WithCode(CodeFailed).WithCause(err)
	case hadData:
		return fault.New(fault.Unavailable, "the state store's files are damaged; restore them from a backup").
			WithCode(CodeCorrupt).WithCause(err)
	}
	return fault.New(fault.Unavailable, "the state store cannot start").WithCode(CodeFailed).WithCause(err)
}

func errStopped() error { return fault.New(fault.Unavailable, textStopped).WithCode(CodeStopped) }
