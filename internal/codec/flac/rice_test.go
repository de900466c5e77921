package flac

import (
	"math"
	"math/rand/v2"
	"testing"
)

// size is what a plan takes in truth.
func (p *ricePlan) size(residual []uint32, samples int) int {
	w := bitWriter{}
	p.write(&w, residual, samples)
	return w.length()
}

// TestPlanIsNearTheBest compares with all partition orders and parameters, tried one by one.
func TestPlanIsNearTheBest(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	for _, samples := range []int{64, 200, 576, 1151, 1152} {
		for _, warmup := range []int{0, 1, 8} {
			for _, scale := range []float64{0, 0.3, 2, 50, 3000} {
				residual := make([]uint32, samples-warmup)
				for i := range residual {
					loud := 1 + 9*float64(i/200%2) // so that partitions pay
					residual[i] = fold(int32(r.ExpFloat64() * scale * loud * math.Copysign(1, r.Float64()-0.5)))
				}
				var p ricePlan
				p.plan(residual, samples)
				got, best := p.size(residual, samples), exhaustive(residual, samples)
				if got < best {
					t.Fatalf("the test's own search found %d bits, the plan takes %d", best, got)
				}
				if float64(got) > 1.02*float64(best)+8 {
					t.Errorf("%d samples after %d of scale %g: %d bits, the best takes %d", samples, warmup, scale, got, best)
				}
			}
		}
	}
}

// exhaustive returns the fewest bits that any plan takes.
func exhaustive(residual []uint32, samples int) int {
	best := math.MaxInt
	for order := 0; order <= maxPartitionOrder; order++ {
		if samples%(1<<order) != 0 || samples>>order <= samples-len(residual) {
			break
		}
		total, at := 6, 0
		for n := range 1 << order {
			end := (n+1)*(samples>>order) - (samples - len(residual))
			fewest := math.MaxInt
			for k := 0; k <= maxRice; k++ {
				bits := 4
				for _, v := range residual[at:end] {
					bits += int(v>>k) + 1 + k
				}
				fewest = min(fewest, bits)
			}
			total, at = total+fewest, end
		}
		best = min(best, total)
	}
	return best
}

func TestRiceCodes(t *testing.T) {
	for _, c := range []struct {
		value uint32
		k     uint
	}{
		{0, 0}, {1, 0}, {30, 0}, {31, 0}, {32, 0}, {63, 0}, {64, 0}, {65, 0}, {1000, 0}, {0, 14}, {1<<14 - 1, 14}, {1 << 14, 14},
		{17<<14 - 1, 14}, {17 << 14, 14}, {18 << 14, 14}, {1<<20 + 12345, 14}, {12345, 5},
	} {
		for offset := range uint(33) {
			w := bitWriter{}
			w.put(0, offset)
			writeRice(&w, []uint32{c.value, 1}, c.k)
			w.align()
			r := bitReader{data: w.buf, at: int(offset)}
			for _, want := range []uint32{c.value, 1} {
				if got := uint32(r.unary())<<c.k | r.bits(int(c.k)); got != want || r.failed {
					t.Fatalf("%d in parameter %d at bit %d: %d came back", c.value, c.k, offset, got)
				}
			}
		}
	}
}

func TestBitWriter(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	for range 100 {
		type field struct {
			value int32
			width uint
		}
		var fields []field
		w := bitWriter{}
		for range 1 + r.IntN(20) {
			f := field{width: uint(1 + r.IntN(32))}
			f.value = int32(r.Uint32()) >> (32 - f.width)
			fields = append(fields, f)
			w.putSigned(f.value, f.width)
		}
		total := w.length()
		w.align()
		if len(w.buf) != (total+7)/8 {
			t.Fatalf("%d bits became %d bytes", total, len(w.buf))
		}
		back := bitReader{data: w.buf}
		for _, f := range fields {
			if got := back.signed(int(f.width)); got != int64(f.value) {
				t.Fatalf("%d bits: %d, want %d", f.width, got, f.value)
			}
		}
		if back.bits(8*len(w.buf)-total) != 0 || back.failed {
			t.Fatal("padding is not zero")
		}
	}
}
