package plot

import (
	"math"
	"math/bits"
	"math/cmplx"
)

// fourier computes power spectra of real frames of n samples: a radix-2 transform of half the length over pairs of samples, whose result is
// then taken apart.
type fourier struct {
	n       int          // a power of two, 4 at least
	turn    []complex128 // exp(-2πi k/n) for k up to n/2
	reverse []int        // the bit-reversed places of n/2 numbers
	work    []complex128
}

func newFourier(n int) *fourier {
	half := n / 2
	f := &fourier{n: n, turn: make([]complex128, half+1), reverse: make([]int, half), work: make([]complex128, half)}
	for k := range f.turn {
		f.turn[k] = cmplx.Exp(complex(0, -2*math.Pi*float64(k)/float64(n)))
	}
	shift := 64 - bits.Len(uint(half-1))
	for k := range f.reverse {
		f.reverse[k] = int(bits.Reverse64(uint64(k)) >> shift)
	}
	return f
}

// power sets dst, of n/2+1 values, to |X|² of a frame of n samples.
func (f *fourier) power(dst []float64, frame []float32) {
	half := f.n / 2
	for k, to := range f.reverse {
		f.work[to] = complex(float64(frame[2*k]), float64(frame[2*k+1]))
	}
	f.transform()
	for k := range half + 1 {
		a, b := f.work[k%half], cmplx.Conj(f.work[(half-k)%half])
		even, odd := (a+b)/2, (a-b)/2
		x := even - 1i*odd*f.turn[k]
		dst[k] = real(x)*real(x) + imag(x)*imag(x)
	}
}

// transform is the transform of work, which is in bit-reversed order.
func (f *fourier) transform() {
	half := f.n / 2
	for size := 2; size <= half; size *= 2 {
		stride := f.n / size // turn is for n, twice the length
		for start := 0; start < half; start += size {
			low, high := f.work[start:start+size/2], f.work[start+size/2:start+size]
			for k := range low {
				t := high[k] * f.turn[k*stride]
				low[k], high[k] = low[k]+t, low[k]-t
			}
		}
	}
}
