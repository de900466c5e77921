package fault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// TestTable: every kind has codes, and HTTP and gRPC agree on whose fault it is.
func TestTable(t *testing.T) {
	if len(table) != 14 {
		t.Errorf("%d kinds", len(table))
	}
	for kind, c := range table {
		if kind.HTTP() != 499 && http.StatusText(kind.HTTP()) == "" || kind.HTTP() < 400 || kind.GRPC() == codes.OK {
			t.Errorf("%s: %+v", kind, c)
		}
		if back := kindOf(kind.GRPC()); table[back].grpc != kind.GRPC() {
			t.Errorf("%s goes out as %s and comes back as %s", kind, kind.GRPC(), back)
		}
	}
}

// TestRoundTrip: every kind with every field survives gRPC, less its cause.
func TestRoundTrip(t *testing.T) {
	for kind := range table {
		for _, give := range []*Error{
			New(kind, "a message"),
			{Kind: kind, Code: "a_code", Field: "text", Message: "must be %d", RetryAfter: 1500 * time.Millisecond},
		} {
			out := ToGRPC(fmt.Errorf("wrapped: %w", give.WithCause(errors.New("private"))))
			if strings.Contains(out.Error(), "private") || status.Code(out) != kind.GRPC() {
				t.Errorf("%s: %v", kind, out)
			}
			if got := FromGRPC(out); !reflect.DeepEqual(got, error(give)) {
				t.Errorf("%#v came back as %#v", give, got)
			}
		}
	}
}

func TestFromGRPC(t *testing.T) {
	strange, err := status.New(codes.NotFound, "m").WithDetails(
		&errdetails.ErrorInfo{Domain: domain, Reason: "of a later version"}, &errdetails.BadRequest{}, &errdetails.Help{})
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := status.New(codes.OutOfRange, "m").WithDetails(&errdetails.ErrorInfo{Domain: "other", Reason: string(Forbidden)})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		err  error
		kind Kind
	}{
		{strange.Err(), Internal},
		{foreign.Err(), Invalid},
		{status.Error(codes.FailedPrecondition, ""), Unavailable},
		{status.Error(codes.AlreadyExists, ""), Conflict},
		{status.Error(codes.Unknown, ""), Internal},
		{status.Error(codes.DataLoss, ""), Internal},
		{context.DeadlineExceeded, Deadline},
		{errors.New("plain"), Internal},
		{fmt.Errorf("wrapped: %w", New(Conflict, "m")), Conflict},
	} {
		if got := FromGRPC(tc.err); !Is(got, tc.kind) {
			t.Errorf("%v: %v", tc.err, From(got).Kind)
		}
	}
	for _, err := range []error{nil, io.EOF} {
		if ToGRPC(err) != err || FromGRPC(err) != err { //nolint:errorlint // the same
			t.Errorf("%v does not pass", err)
		}
	}
}

func TestFrom(t *testing.T) {
	inner := New(Exhausted, "full")
	for _, tc := range []struct {
		err  error
		kind Kind
	}{
		{fmt.Errorf("a: %w", fmt.Errorf("b: %w", inner)), Exhausted},
		{errors.Join(errors.New("x"), inner), Exhausted},
		{fmt.Errorf("read: %w", context.Canceled), Canceled},
		{fmt.Errorf("read: %w", context.DeadlineExceeded), Deadline},
		{errors.New("secret"), Internal},
	} {
		f := From(tc.err)
		if f.Kind != tc.kind || strings.Contains(f.Message, "secret") || !Is(tc.err, tc.kind) {
			t.Errorf("%v: %#v", tc.err, f)
		}
	}
	if From(nil) != nil || Is(nil, Internal) {
		t.Error("nil is an error")
	}
}

func TestError(t *testing.T) {
	cause := errors.New("the cause")
	base := InvalidField("speed", "must be from %g to %g", 0.25, 4.0)
	full := base.WithCause(cause).WithCode("c").WithRetryAfter(time.Second)
	if full.Error() != "speed: must be from 0.25 to 4: the cause" || !errors.Is(full, cause) || full.Code != "c" || full.RetryAfter != time.Second {
		t.Errorf("%#v", full)
	}
	if base.Cause != nil || base.Code != "" || base.RetryAfter != 0 {
		t.Error("With… changed the original")
	}
	for d, want := range map[time.Duration]int{0: 0, -1: 0, 1: 1, time.Second: 1, time.Second + 1: 2, time.Minute: 60} {
		if got := New(Exhausted, "").WithRetryAfter(d).RetryAfterSeconds(); got != want {
			t.Errorf("%v: %d s", d, got)
		}
	}
}
