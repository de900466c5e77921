package telemetry

import (
	"strings"

	"go.opentelemetry.io/otel/sdk/metric"
)

// Buckets of histograms, in the instrument's unit. This is the one place where they are chosen.
var (
	// latencyBuckets: time to first byte, queueing, calls: 1 ms to 10 s.
	latencyBuckets = []float64{0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10}
	// lengthBuckets: whole requests and seconds of audio: 50 ms to an hour.
	lengthBuckets = []float64{0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600}
	// sizeBuckets: bodies and texts: 64 B to 64 MiB.
	sizeBuckets = []float64{64, 256, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20, 16 << 20, 64 << 20}
	// ratioBuckets: shares, and multiples of real time.
	ratioBuckets = []float64{0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 5, 10, 50, 100, 500, 1000}
)

// buckets chooses by unit, and by the end of the name where a unit has two uses. Instruments are named orotund.<part>.<what> with a
// UCUM unit: "s" and "By" end in _seconds and _bytes for Prometheus; "1" and counts like "{segment}" leave the name alone (a
// counter ends in _total, a gauge with "1" in _ratio). Nil: the instrument's own.
func buckets(name, unit string) []float64 {
	switch unit {
	case "s":
		if strings.HasPrefix(name, "orotund.") && (strings.HasSuffix(name, ".duration") || strings.HasSuffix(name, ".audio")) {
			return lengthBuckets
		}
		return latencyBuckets
	case "By":
		return sizeBuckets
	case "1":
		return ratioBuckets
	default:
		return nil
	}
}

// view gives each histogram its buckets; they go before those that the instrument's maker suggests.
func view(i metric.Instrument) (metric.Stream, bool) {
	if i.Kind != metric.InstrumentKindHistogram {
		return metric.Stream{}, false
	}
	bounds := buckets(i.Name, i.Unit)
	if bounds == nil {
		return metric.Stream{}, false
	}
	return metric.Stream{
		Name: i.Name, Description: i.Description, Unit: i.Unit,
		Aggregation: metric.AggregationExplicitBucketHistogram{Boundaries: bounds},
	}, true
}
