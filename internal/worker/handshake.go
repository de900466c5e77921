package worker

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// handshakeMax bounds the line, so that a program that babbles is refused and not buffered.
const handshakeMax = 512

// readHandshake reads the line "OROTUND-WORKER 1 <service> unix:<path>" and returns the gRPC address.
func readHandshake(r *bufio.Reader, service string) (string, error) {
	line, err := readLine(r)
	if err != nil {
		return "", err
	}
	return parseHandshake(line, service)
}

func readLine(r *bufio.Reader) (string, error) {
	var b strings.Builder
	for b.Len() < handshakeMax {
		c, err := r.ReadByte()
		if err == io.EOF {
			return "", fmt.Errorf("the program ended, or closed its standard output, before the handshake line")
		}
		if err != nil {
			return "", fmt.Errorf("read handshake: %w", err)
		}
		if c == '\n' {
			return strings.TrimSuffix(b.String(), "\r"), nil
		}
		b.WriteByte(c)
	}
	return "", fmt.Errorf("no handshake line in the first %d bytes of standard output", handshakeMax)
}

func parseHandshake(line, service string) (string, error) {
	f := strings.Split(line, " ")
	if len(f) != 4 || f[0] != "OROTUND-WORKER" {
		return "", fmt.Errorf("not a handshake line: %q; expected \"OROTUND-WORKER 1 %s unix:PATH\"", line, service)
	}
	if f[1] != "1" {
		return "", fmt.Errorf("handshake version %q is not supported (supported: 1)", f[1])
	}
	if f[2] != service {
		return "", fmt.Errorf("the worker serves %q, expected %q", f[2], service)
	}
	path, ok := strings.CutPrefix(f[3], "unix:")
	if !ok || !strings.HasPrefix(path, "/") {
		return "", fmt.Errorf("worker address %q is not \"unix:\" with an absolute path", f[3])
	}
	return f[3], nil
}
