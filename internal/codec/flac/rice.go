package flac

import "math/bits"

// Limits of Rice coding. Parameters have 4 bits, of which 15 is the escape code: it is never needed, because a subframe that Rice
// codes would make larger than its samples is written as they are. Some decoders know neither it nor parameters of 5 bits.
const (
	maxRice           = 14
	riceParameterBits = 4
	maxPartitionOrder = 6 // the streamable subset allows 8
	maxPartitions     = 1 << maxPartitionOrder
)

// ricePlan says how a residual is split into partitions, each with a parameter.
type ricePlan struct {
	order      int // there are 1 << order partitions
	parameters [maxPartitions]uint8
}

// plan chooses the partitions for a folded residual of a block of size samples, of which the first size-len(residual) are not in it.
// It returns the bits that they take, estimated from sums.
func (p *ricePlan) plan(residual []uint32, size int) int {
	warmup := size - len(residual)
	order := 0
	for order < maxPartitionOrder && size>>order&1 == 0 && size>>(order+1) > warmup {
		order++
	}
	var sums [maxPartitions]uint64
	sumPartitions(sums[:1<<order], residual, size>>order)
	best := -1
	for ; ; order-- {
		total, parameters := 0, [maxPartitions]uint8{}
		count := size >> order
		for n, sum := range sums[:1<<order] {
			values := count
			if n == 0 {
				values -= warmup
			}
			k, cost := riceParameter(sum, values)
			parameters[n] = k
			total += cost
		}
		if best < 0 || total < best {
			best, p.order, p.parameters = total, order, parameters
		}
		if order == 0 {
			return best + 6 // coding method and partition order
		}
		for n := range sums[:1<<(order-1)] {
			sums[n] = sums[2*n] + sums[2*n+1]
		}
	}
}

// sumPartitions sets sums to those of partitions of count samples each; the first is short of the samples that residual does not have.
func sumPartitions(sums []uint64, residual []uint32, count int) {
	end := len(residual) - (len(sums)-1)*count
	for n := range sums {
		sum := uint64(0)
		for _, v := range residual[:end] {
			sum += uint64(v)
		}
		sums[n] = sum
		residual = residual[end:]
		end = count
	}
}

// riceParameter returns the best parameter for values numbers of a sum, and about how many bits they take with it.
func riceParameter(sum uint64, values int) (k uint8, cost int) {
	n := uint64(values)
	// Each step up costs a bit a number and halves what is left of the sum: worth it while that takes more than a bit a number.
	if d := bits.Len64(sum) - bits.Len64(n) - 1; d > 0 {
		k = uint8(min(d, maxRice))
	}
	for k < maxRice && sum>>(k+1) > n {
		k++
	}
	whole := sum >> k
	if k > 0 { // the bits below k take half of a unit off each number on average
		whole -= min(whole, n/2)
	}
	return k, riceParameterBits + int(n*uint64(k+1)+whole)
}

// write writes the coded residual of a block of size samples (RFC 9639, 9.2.7).
func (p *ricePlan) write(w *bitWriter, residual []uint32, size int) {
	w.put(uint32(p.order), 2+4) // method 0: parameters of 4 bits
	count := size >> p.order
	end := count - (size - len(residual))
	for _, k := range p.parameters[:1<<p.order] {
		w.put(uint32(k), riceParameterBits)
		writeRice(w, residual[:end], uint(k))
		residual = residual[end:]
		end = count
	}
}

// writeRice writes each number as what is left above its low k bits in unary, a one, and the low k bits.
func writeRice(w *bitWriter, values []uint32, k uint) {
	stop, mask := uint32(1)<<k, uint32(1)<<k-1
	for _, v := range values {
		high := uint(v >> k)
		if width := high + 1 + k; width <= 32 {
			w.put(stop|v&mask, width)
			continue
		}
		w.putZeros(high)
		w.put(stop|v&mask, 1+k)
	}
}
