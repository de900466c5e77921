package main

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	codecv1 "github.com/orotund/orotund/api/gen/orotund/codec/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// failing is an encoder that fails as it is told.
type failing struct {
	encode, flush func() ([]byte, error)
	closed        *atomic.Int64
}

func (f *failing) Encode(_, _ []byte) ([]byte, error) { return f.encode() }
func (f *failing) Flush([]byte) ([]byte, error)       { return f.flush() }
func (f *failing) Close()                             { f.closed.Add(1) }
func nothing() ([]byte, error)                        { return nil, nil }
func failure() ([]byte, error)                        { return nil, errors.New("no luck") }
func panics() ([]byte, error)                         { panic(fmt.Sprintf("frame %d", 7)) }
func outOfRange() ([]byte, error) {
	var none []byte
	return none[:len(none)+1], nil
}

// TestFailure has an encoder fail, or panic, at each step: its own stream ends with INTERNAL and is freed, and another one that
// runs at the same time goes on.
func TestFailure(t *testing.T) {
	var closed atomic.Int64
	fake := func(name string, encode, flush func() ([]byte, error)) encoding {
		one := func(int) int { return 1 }
		return encoding{name: name, sampleRates: []int{1}, bitRates: func(int) []int { return []int{1} }, defaultBitRate: one,
			open: func(int, int) (encoder, error) { return &failing{encode, flush, &closed}, nil }}
	}
	client := serveEncodings(t, 4, append(encodings(), fake("fails", failure, nothing), fake("fails at the end", nothing, failure),
		fake("panics", panics, nothing), fake("panics at the end", nothing, panics), fake("is out of range", outOfRange, nothing)))
	good := settings("aac", 48000, 0)
	sound := pcm(hum(4800))
	want, err := run(t.Context(), client, good, sound, finish())
	if err != nil {
		t.Fatal(err)
	}
	other := begin(t, t.Context(), client, good)
	for i, name := range []string{"fails", "fails at the end", "panics", "panics at the end", "is out of range"} {
		_, err := run(t.Context(), client, settings(name, 1, 0), sound, finish())
		if status.Code(err) != codes.Internal || strings.HasPrefix(name, "panics") && !strings.Contains(err.Error(), "frame 7") {
			t.Errorf("an encoder that %s: %v", name, err)
		}
		if closed.Load() != int64(i+1) {
			t.Errorf("an encoder that %s was not freed", name)
		}
	}
	for i, step := range []*codecv1.EncodeRequest{sound, finish()} {
		if err := other.Send(step); err != nil {
			t.Fatal(err)
		}
		if answer, err := other.Recv(); err != nil || string(answer.GetData()) != string(want[i+1]) {
			t.Errorf("the other stream differs at step %d: %v", i, err)
		}
	}
	waitIdle(t, client)
}
