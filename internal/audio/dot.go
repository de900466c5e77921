package audio

// dotBlock is the number of samples that dot takes at a time.
const dotBlock = 16

// dot returns the sum of the products of a and b. len(a) is a positive multiple of dotBlock and len(b) is not less. The order of
// the additions depends on len(a) alone, so a result never depends on where a stream was cut.
func dot(a, b []float32) float32 {
	b = b[:len(a)]
	return dotKernel(&a[0], &b[0], len(a))
}
