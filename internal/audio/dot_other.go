//go:build !amd64

package audio

import "unsafe"

// dotKernel is dot over the n samples from a and from b.
func dotKernel(a, b *float32, n int) float32 {
	return dotGo(unsafe.Slice(a, n), unsafe.Slice(b, n))
}
