package flac

// maxFixedOrder is the highest order of the format's fixed predictors.
const maxFixedOrder = 4

// fixedOrder returns the order of the fixed predictor with the smallest residual over x, which has at least one sample. It is below x's length.
func fixedOrder(x []int32) int {
	if len(x) <= maxFixedOrder {
		return 0
	}
	var sums [maxFixedOrder + 1]uint64
	// Differences of the orders 0 to 3 at the sample before. All magnitudes stay below 2^20, so nothing overflows.
	d0 := x[3]
	d1 := x[3] - x[2]
	d2 := d1 - (x[2] - x[1])
	d3 := d2 - (x[2] - 2*x[1] + x[0])
	for _, v := range x[maxFixedOrder:] {
		e0 := v
		e1 := e0 - d0
		e2 := e1 - d1
		e3 := e2 - d2
		e4 := e3 - d3
		d0, d1, d2, d3 = e0, e1, e2, e3
		sums[0] += magnitude(e0)
		sums[1] += magnitude(e1)
		sums[2] += magnitude(e2)
		sums[3] += magnitude(e3)
		sums[4] += magnitude(e4)
	}
	order := 0
	for n, s := range sums {
		if s < sums[order] {
			order = n
		}
	}
	return order
}

func magnitude(v int32) uint64 {
	sign := v >> 31
	return uint64(uint32((v ^ sign) - sign))
}

// fold maps a residual to a number that is small where its magnitude is small: 0, -1, 1, -2, 2 become 0, 1, 2, 3, 4.
func fold(v int32) uint32 { return uint32(v<<1 ^ v>>31) }

// fixedResidual sets dst to the folded residual of a fixed predictor, without the first order samples (RFC 9639, 9.2.5).
func fixedResidual(dst []uint32, x []int32, order int) []uint32 {
	dst = dst[:len(x)-order]
	switch order {
	case 0:
		for i, v := range x {
			dst[i] = fold(v)
		}
	case 1:
		for i := range dst {
			h := x[i : i+2 : i+2]
			dst[i] = fold(h[1] - h[0])
		}
	case 2:
		for i := range dst {
			h := x[i : i+3 : i+3]
			dst[i] = fold(h[2] - 2*h[1] + h[0])
		}
	case 3:
		for i := range dst {
			h := x[i : i+4 : i+4]
			dst[i] = fold(h[3] - 3*(h[2]-h[1]) - h[0])
		}
	default:
		for i := range dst {
			h := x[i : i+5 : i+5]
			dst[i] = fold(h[4] - 4*(h[3]+h[1]) + 6*h[2] + h[0])
		}
	}
	return dst
}
