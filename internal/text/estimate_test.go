package text

import (
	"testing"
	"time"
)

func TestAppendEstimate(t *testing.T) {
	got := AppendEstimate(nil, "One 二三, end.", "en", time.Second, 3*time.Second)
	want := []struct {
		offset, length int
		start          time.Duration // after the first second, in shares of 16
	}{{0, 3, 0}, {4, 3, 4}, {7, 3, 8}, {12, 3, 12}}
	if len(got) != len(want) {
		t.Fatalf("%+v", got)
	}
	for i, w := range want {
		start := time.Second + w.start*2*time.Second/16
		if x := got[i]; x.Offset != w.offset || x.Length != w.length || x.Start != start || x.Duration != 500*time.Millisecond || !x.Estimated {
			t.Errorf("%+v, want %+v at %v", x, w, start)
		}
	}
	if got := AppendEstimate(nil, "…", "en", 0, time.Second); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}
