package audio

// dotKernel is dot over the n samples from a and from b. It is written in SSE, which every amd64 processor has, because this is
// the inner loop of the resampler and the stretcher, and so most of Orotund's own CPU time: it takes 0.4 times what Go takes.
//
//go:noescape
func dotKernel(a, b *float32, n int) float32
