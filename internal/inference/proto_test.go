package inference

import (
	"reflect"
	"testing"
	"time"

	rolev1 "github.com/orotund/orotund/api/gen/orotund/role/v1"
	"github.com/orotund/orotund/internal/speech"
)

// fill sets everything in v to something that is not zero, each time something else.
func fill(t *testing.T, v reflect.Value, n *int64) {
	t.Helper()
	*n++
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i), n)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(t, v.Index(0), n)
		fill(t, v.Index(1), n)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(t, key, n)
		fill(t, value, n)
		v.SetMapIndex(key, value)
	case reflect.String:
		v.SetString("s" + string(rune('0'+*n%75)))
	case reflect.Int, reflect.Int64:
		v.SetInt(*n)
	case reflect.Uint8:
		v.SetUint(uint64(*n))
	case reflect.Float64:
		v.SetFloat(float64(*n) / 8)
	case reflect.Bool:
		v.SetBool(true)
	default:
		t.Fatalf("%s: teach fill this kind", v.Type())
	}
}

// filled returns a T without a zero field: a field that somebody adds and the network forgets is missed by the tests below.
func filled[T any](t *testing.T) T {
	t.Helper()
	var x T
	var n int64
	fill(t, reflect.ValueOf(&x).Elem(), &n)
	return x
}

func TestRequestProto(t *testing.T) {
	want := filled[speech.Request](t)
	if got := requestFromProto(requestToProto(want)); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nbecame %+v", want, got)
	}
}

func TestCatalogueProto(t *testing.T) {
	want := filled[speech.Catalogue](t)
	if got := catalogueFromProto(catalogueToProto(want)); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nbecame %+v", want, got)
	}
}

func TestEventProto(t *testing.T) {
	for _, want := range []speech.Event{
		{Kind: speech.EventAudio, Audio: []byte{1, 2}},
		{Kind: speech.EventTiming, Timing: filled[speech.Timing](t)},
		{Kind: speech.EventWarning, Warning: "w"},
		{Kind: speech.EventSegmentEnd, SegmentEnd: filled[speech.SegmentEnd](t)},
		{Kind: speech.EventTiming, Timing: speech.Timing{Start: 300 * time.Hour, Offset: 1 << 33}},
	} {
		if got, ok := eventFromProto(eventToProto(want)); !ok || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v\nbecame %+v", want, got)
		}
	}
	for _, m := range []*rolev1.Event{nil, {}, {Event: &rolev1.Event_Format{}}} {
		if ev, ok := eventFromProto(m); ok {
			t.Errorf("%v became %+v", m, ev)
		}
	}
}
