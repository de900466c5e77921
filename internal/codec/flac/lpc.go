package flac

import "math"

// Limits of linear prediction. The streamable subset allows order 12 up to 48 kHz.
//
// The residual fits 32 bits: the prediction is a sum of at most 12 products of a coefficient of at most 2^12 and a sample of at most
// 2^15, so its magnitude is at most 12 * 2^27 < 2^30.6, and less than 2^31 with the sample itself taken off. Sums are made in 64 bits.
const (
	maxOrder     = 12
	maxPrecision = 13 // bits of a coefficient, with its sign
	maxShift     = 15
)

// predictor is linear prediction in the numbers that go into the stream: a sample is about
// (coefs[0]*previous + coefs[1]*the one before + …) >> shift. Coefficients from order on are 0.
type predictor struct {
	order     int
	precision uint // bits of a coefficient
	shift     uint
	coefs     [maxOrder]int32
}

// analyser finds predictors for blocks of up to a size.
type analyser struct {
	window   []float64
	windowed []float64
}

func newAnalyser(size int) *analyser {
	return &analyser{window: make([]float64, 0, size), windowed: make([]float64, size)}
}

// tukey sets w to a window that is flat in its middle half and falls to zero as a cosine at both ends.
func tukey(w []float64) {
	edge := float64(len(w)-1) / 4
	for i := range w {
		w[i] = 1
		if d := float64(min(i, len(w)-1-i)); d < edge {
			w[i] = 0.5 - 0.5*math.Cos(math.Pi*d/edge)
		}
	}
}

// find returns the predictor that promises the fewest bits for x, whose samples have bits bits; false where none can be had.
func (a *analyser) find(x []int32, bits int) (predictor, bool) {
	if len(a.window) != len(x) { // once at the beginning, and once for the last block
		a.window = a.window[:len(x)]
		tukey(a.window)
	}
	w := a.windowed[:len(x)]
	for i, v := range x {
		w[i] = float64(v) * a.window[i]
	}
	var r [maxOrder + 1]float64
	autocorrelate(&r, w)
	var coefs [maxOrder][maxOrder]float64
	var errs [maxOrder]float64
	orders := levinson(&coefs, &errs, &r)
	precision := precisionFor(len(x))
	best, bestBits := 0, math.Inf(1)
	for n := range orders {
		// A residual of mean square e takes about log2(e) / 2 bits a sample, and a constant that is the same for all orders.
		estimate := float64((n+1)*(bits+int(precision))) + float64(len(x)-n-1)*0.5*math.Log2(max(errs[n]/float64(len(x)), minError))
		if estimate < bestBits {
			best, bestBits = n+1, estimate
		}
	}
	if best == 0 {
		return predictor{}, false
	}
	return quantise(coefs[best-1][:best], precision)
}

// minError is the mean square below which a residual takes no fewer bits.
const minError = 0.5

// precisionFor returns how many bits the coefficients of a block of size samples get: longer blocks pay for finer ones.
func precisionFor(size int) uint {
	switch {
	case size <= 600:
		return 10
	case size <= 1200:
		return 12
	}
	return maxPrecision
}

// autocorrelate sets r[lag] to the sum of w[i]*w[i-lag].
func autocorrelate(r *[maxOrder + 1]float64, w []float64) {
	sum := 0.0
	for _, v := range w {
		sum += v * v
	}
	r[0] = sum
	for lag := 1; lag+3 <= maxOrder; lag += 4 {
		var s0, s1, s2, s3 float64
		// Sample i-lag and the three before it slide along in registers.
		var p1, p2, p3 float64
		for i, v := range w[min(lag, len(w)):] {
			p0 := w[i]
			s0 += v * p0
			s1 += v * p1
			s2 += v * p2
			s3 += v * p3
			p1, p2, p3 = p0, p1, p2
		}
		r[lag], r[lag+1], r[lag+2], r[lag+3] = s0, s1, s2, s3
	}
}

// levinson solves for the predictors of all orders, by Levinson's recursion: coefs[n] has n+1 of them and errs[n] is the energy that
// they leave. It returns how many orders there are: fewer than maxOrder where nothing is left to predict.
func levinson(coefs *[maxOrder][maxOrder]float64, errs *[maxOrder]float64, r *[maxOrder + 1]float64) int {
	var a [maxOrder]float64
	left := r[0]
	for n := range maxOrder {
		if !(left > 0) {
			return n
		}
		k := r[n+1]
		for j := range n {
			k -= a[j] * r[n-j]
		}
		k /= left
		for j := range n / 2 {
			a[j], a[n-1-j] = a[j]-k*a[n-1-j], a[n-1-j]-k*a[j]
		}
		if n%2 == 1 {
			a[n/2] -= k * a[n/2]
		}
		a[n] = k
		left *= 1 - k*k
		coefs[n], errs[n] = a, left
	}
	return maxOrder
}

// quantise rounds coefficients to precision bits with a common shift. What a rounding takes goes into the next coefficient, so that the
// sum stays true. It fails on coefficients that have no such form: all too small, too large or not finite.
func quantise(coefs []float64, precision uint) (predictor, bool) {
	largest := 0.0
	for _, c := range coefs {
		largest = max(largest, math.Abs(c)) // NaN stays NaN
	}
	if !(largest > 0) || math.IsInf(largest, 0) {
		return predictor{}, false
	}
	_, exponent := math.Frexp(largest) // largest is below 2^exponent
	shift := min(int(precision)-1-exponent, maxShift)
	if shift < 0 {
		return predictor{}, false
	}
	p := predictor{order: len(coefs), precision: precision, shift: uint(shift)}
	low, high := -float64(int(1)<<(precision-1)), float64(int(1)<<(precision-1)-1)
	carry := 0.0
	zero := true
	for i, c := range coefs {
		exact := math.Ldexp(c, shift) + carry
		rounded := min(max(math.RoundToEven(exact), low), high)
		carry = exact - rounded
		p.coefs[i] = int32(rounded)
		zero = zero && rounded == 0
	}
	return p, !zero
}

// residual sets dst to the folded residual of p, without the first order samples (RFC 9639, 9.2.6).
func (p *predictor) residual(dst []uint32, x []int32) []uint32 {
	dst = dst[:len(x)-p.order]
	taps := (p.order + 3) &^ 3 // the loops below take the zeros behind the coefficients in
	head := min(taps, len(x))
	for i := p.order; i < head; i++ {
		sum := int64(0)
		for j, c := range p.coefs[:p.order] {
			sum += int64(c) * int64(x[i-1-j])
		}
		dst[i-p.order] = fold(x[i] - int32(sum>>p.shift))
	}
	body := dst[head-p.order:]
	switch taps {
	case 4:
		p.residual4(body, x)
	case 8:
		p.residual8(body, x)
	default:
		p.residual12(body, x)
	}
	return dst
}

func (p *predictor) residual4(dst []uint32, x []int32) {
	c0, c1, c2, c3 := int64(p.coefs[0]), int64(p.coefs[1]), int64(p.coefs[2]), int64(p.coefs[3])
	for i := range dst {
		h := x[i : i+5 : i+5]
		sum := c0*int64(h[3]) + c1*int64(h[2]) + c2*int64(h[1]) + c3*int64(h[0])
		dst[i] = fold(h[4] - int32(sum>>(p.shift&63)))
	}
}

func (p *predictor) residual8(dst []uint32, x []int32) {
	c0, c1, c2, c3 := int64(p.coefs[0]), int64(p.coefs[1]), int64(p.coefs[2]), int64(p.coefs[3])
	c4, c5, c6, c7 := int64(p.coefs[4]), int64(p.coefs[5]), int64(p.coefs[6]), int64(p.coefs[7])
	for i := range dst {
		h := x[i : i+9 : i+9]
		sum := c0*int64(h[7]) + c1*int64(h[6]) + c2*int64(h[5]) + c3*int64(h[4])
		sum += c4*int64(h[3]) + c5*int64(h[2]) + c6*int64(h[1]) + c7*int64(h[0])
		dst[i] = fold(h[8] - int32(sum>>(p.shift&63)))
	}
}

func (p *predictor) residual12(dst []uint32, x []int32) {
	c0, c1, c2, c3 := int64(p.coefs[0]), int64(p.coefs[1]), int64(p.coefs[2]), int64(p.coefs[3])
	c4, c5, c6, c7 := int64(p.coefs[4]), int64(p.coefs[5]), int64(p.coefs[6]), int64(p.coefs[7])
	c8, c9, c10, c11 := int64(p.coefs[8]), int64(p.coefs[9]), int64(p.coefs[10]), int64(p.coefs[11])
	for i := range dst {
		h := x[i : i+13 : i+13]
		sum := c0*int64(h[11]) + c1*int64(h[10]) + c2*int64(h[9]) + c3*int64(h[8])
		sum += c4*int64(h[7]) + c5*int64(h[6]) + c6*int64(h[5]) + c7*int64(h[4])
		sum += c8*int64(h[3]) + c9*int64(h[2]) + c10*int64(h[1]) + c11*int64(h[0])
		dst[i] = fold(h[12] - int32(sum>>(p.shift&63)))
	}
}
