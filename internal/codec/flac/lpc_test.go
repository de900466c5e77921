package flac

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestResidualNeverOverflows feeds predictors the samples that drive their sums furthest, and compares with sums that cannot overflow.
func TestResidualNeverOverflows(t *testing.T) {
	const low, high = -1 << (maxPrecision - 1), 1<<(maxPrecision-1) - 1
	r := rand.New(rand.NewPCG(5, 6))
	dst := make([]uint32, 64)
	for order := 1; order <= maxOrder; order++ {
		for range 50 {
			p := predictor{order: order, precision: maxPrecision, shift: uint(r.IntN(2) * r.IntN(maxShift+1))}
			x := make([]int32, order+1+r.IntN(30))
			for j := range order {
				p.coefs[j] = int32(pick(r.IntN(2) == 0, low, high))
			}
			for i := range x { // signs that add up at the sample behind the warm-up, and often after it
				x[i] = int32(pick(i < order && p.coefs[order-1-i] < 0, math.MinInt16, math.MaxInt16))
				if r.IntN(8) == 0 {
					x[i] = int32(r.IntN(65536) - 32768)
				}
			}
			x[order] = math.MinInt16
			for i, folded := range p.residual(dst, x) {
				sum := int64(0)
				for j := range order {
					sum += int64(p.coefs[j]) * int64(x[order+i-1-j])
				}
				want := int64(x[order+i]) - sum>>p.shift
				if got := int64(folded>>1) ^ -int64(folded&1); got != want || want <= math.MinInt32 || want > math.MaxInt32 {
					t.Fatalf("order %d shift %d: residual %d is %d, want %d", order, p.shift, i, got, want)
				}
			}
		}
	}
}

// TestResidualsOfAllOrders compares the fast loops with the definition.
func TestResidualsOfAllOrders(t *testing.T) {
	samples := voice(24000, 200)
	x := make([]int32, len(samples))
	for i, v := range samples {
		x[i] = int32(v)
	}
	dst := make([]uint32, len(x))
	for order, coefs := range [][]int32{{}, {1}, {2, -1}, {3, -3, 1}, {4, -6, 4, -1}} {
		p := predictor{order: order}
		copy(p.coefs[:], coefs)
		for i, got := range fixedResidual(dst, x, order) {
			if want := p.folded(x, order+i); got != want {
				t.Fatalf("fixed order %d: residual %d is %d, want %d", order, i, got, want)
			}
		}
	}
	r := rand.New(rand.NewPCG(7, 8))
	for order := 1; order <= maxOrder; order++ {
		for n := order + 1; n < order+20; n++ {
			p := predictor{order: order, shift: 9}
			for j := range order {
				p.coefs[j] = int32(r.IntN(1024) - 512)
			}
			for i, got := range p.residual(dst, x[:n]) {
				if want := p.folded(x, order+i); got != want {
					t.Fatalf("order %d of %d samples: residual %d is %d, want %d", order, n, i, got, want)
				}
			}
		}
	}
}

// folded is a residual by its definition.
func (p *predictor) folded(x []int32, at int) uint32 {
	sum := int64(0)
	for j := range p.order {
		sum += int64(p.coefs[j]) * int64(x[at-1-j])
	}
	return fold(x[at] - int32(sum>>p.shift))
}

func TestFold(t *testing.T) {
	for v, want := range map[int32]uint32{0: 0, -1: 1, 1: 2, -2: 3, 2: 4, math.MaxInt32: math.MaxUint32 - 1, math.MinInt32 + 1: math.MaxUint32 - 2} {
		if got := fold(v); got != want {
			t.Errorf("%d: %d, want %d", v, got, want)
		}
	}
}

// TestFindsTheFilter takes noise through a known filter, and wants the filter back.
func TestFindsTheFilter(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	x := make([]int32, 4096)
	for i := 2; i < len(x); i++ {
		x[i] = int32(math.Round(1.6*float64(x[i-1]) - 0.8*float64(x[i-2]) + 100*r.NormFloat64()))
	}
	p, ok := newAnalyser(len(x)).find(x, bitsPerSample)
	if !ok || p.order < 2 || p.order > 4 {
		t.Fatalf("order %d, %v", p.order, ok)
	}
	for j, want := range []float64{1.6, -0.8} {
		if got := math.Ldexp(float64(p.coefs[j]), -int(p.shift)); math.Abs(got-want) > 0.1 {
			t.Errorf("coefficient %d is %.3f, want %.3f", j, got, want)
		}
	}
}

func TestAutocorrelate(t *testing.T) {
	for n := range 40 {
		w := make([]float64, n)
		for i := range w {
			w[i] = float64((i*i*7+i)%31 - 15)
		}
		var got [maxOrder + 1]float64
		autocorrelate(&got, w)
		for lag, g := range got {
			want := 0.0
			for i := lag; i < n; i++ {
				want += w[i] * w[i-lag]
			}
			if g != want {
				t.Fatalf("%d samples, lag %d: %g, want %g", n, lag, g, want)
			}
		}
	}
}

// TestQuantise holds what cannot be quantised, and that rounding does not add up.
func TestQuantise(t *testing.T) {
	for _, coefs := range [][]float64{{0, 0}, {math.NaN()}, {math.Inf(1)}, {1e9}, {1e-9}, {1, math.NaN()}} {
		if p, ok := quantise(coefs, maxPrecision); ok {
			t.Errorf("%v became %+v", coefs, p)
		}
	}
	for _, precision := range []uint{10, 12, maxPrecision} {
		for _, coefs := range [][]float64{{1}, {-1}, {0.9999}, {1.9999, -0.9999}, {-7.99, 7.99, 0.01}, {0.3, 0.3, 0.3, 0.3}, {3000}, {1e-3, 1e-3}} {
			p, ok := quantise(coefs, precision)
			if !ok && coefs[0] == 3000 && precision < 13 {
				continue // has no form of so few bits
			}
			if !ok || p.order != len(coefs) || p.precision != precision || p.shift > maxShift {
				t.Fatalf("%v in %d bits: %+v, %v", coefs, precision, p, ok)
			}
			sum, want := int32(0), 0.0
			for j, c := range coefs {
				sum += p.coefs[j]
				want += c
				if q := p.coefs[j]; q < -1<<(precision-1) || q >= 1<<(precision-1) {
					t.Errorf("%v: %d does not fit %d bits", coefs, q, precision)
				}
			}
			if off := float64(sum) - math.Ldexp(want, int(p.shift)); math.Abs(off) > 1 {
				t.Errorf("%v in %d bits: the sum is off by %.2f", coefs, precision, off)
			}
		}
	}
}
