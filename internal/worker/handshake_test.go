package worker

import (
	"bufio"
	"fmt"
	"strings"
	"testing"
)

func TestParseHandshake(t *testing.T) {
	for _, tc := range []struct{ line, addr, err string }{
		{"OROTUND-WORKER 1 orotund.engine.v1 unix:/run/w/s", "unix:/run/w/s", ""},
		{"OROTUND-WORKER 2 orotund.engine.v1 unix:/run/w/s", "", "version \"2\" is not supported"},
		{"OROTUND-WORKER 1 orotund.codec.v1 unix:/run/w/s", "", "serves \"orotund.codec.v1\""},
		{"OROTUND-WORKER 1 orotund.engine.v1 tcp:1.2.3.4:5", "", "is not \"unix:\""},
		{"OROTUND-WORKER 1 orotund.engine.v1 unix:relative", "", "absolute path"},
		{"OROTUND-WORKER 1 orotund.engine.v1", "", "not a handshake line"},
		{"Loading model …", "", "not a handshake line"},
		{"", "", "not a handshake line"},
	} {
		addr, err := parseHandshake(tc.line, "orotund.engine.v1")
		if addr != tc.addr || (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) {
			t.Errorf("%q: got %q, %v; want %q, error with %q", tc.line, addr, err, tc.addr, tc.err)
		}
	}
}

func TestReadHandshakeIsBounded(t *testing.T) {
	r := bufio.NewReader(strings.NewReader(strings.Repeat("x", 1<<20)))
	if _, err := readHandshake(r, "s"); err == nil || !strings.Contains(err.Error(), "no handshake line in the first 512 bytes") {
		t.Fatal(err)
	}
	if left := r.Buffered(); left == 0 {
		t.Fatal("the whole input was read")
	}
}

func FuzzReadHandshake(f *testing.F) {
	f.Add("OROTUND-WORKER 1 s unix:/x\n")
	f.Add("OROTUND-WORKER 1 s unix:\r\n\n")
	f.Add("\x00\xff")
	f.Fuzz(func(t *testing.T, in string) {
		addr, err := readHandshake(bufio.NewReader(strings.NewReader(in)), "s")
		if err == nil && !strings.HasPrefix(addr, "unix:/") {
			t.Fatalf("accepted %q as %q", in, addr)
		}
	})
}

func TestTailKeepsTheLastLines(t *testing.T) {
	var tl tail
	for i := range 100 {
		fmt.Fprintf(&tl, "line %d\n", i)
	}
	fmt.Fprint(&tl, strings.Repeat("y", 10_000))
	got := strings.Split(tl.String(), "\n")
	if len(got) != tailLines+1 || got[0] != "line 80" || got[tailLines-1] != "line 99" || len(got[tailLines]) != tailLineMax {
		t.Fatalf("%d lines, first %q", len(got), got[0])
	}
}

func TestEnvironmentHoldsNoSecrets(t *testing.T) {
	got := environment([]string{"PATH=/bin", "AWS_SECRET_ACCESS_KEY=x", "OROTUND_KEYS=y", "HOME=/h"}, []string{"A=b"})
	if s := strings.Join(got, " "); s != "PATH=/bin HOME=/h A=b" {
		t.Fatal(s)
	}
}
