package plot

import (
	"image/color"
	"math"
)

// shades is the colours of levels from low to high: lightness rises evenly in Oklab (Björn Ottosson, 2020), so that equal steps of level look
// equal, in print without colour as well, while the hue goes from violet over red to yellow.
func shades() (out [256]color.RGBA) {
	for i := range out {
		t := float64(i) / 255
		light := 0.13 + 0.84*t
		hue := (285 + 180*math.Pow(t, 0.8)) * math.Pi / 180
		chroma := 0.16*math.Sin(math.Pi*math.Pow(t, 0.8)) + 0.08*t
		for ; ; chroma *= 0.97 { // to what a screen can show
			c, ok := oklab(light, chroma*math.Cos(hue), chroma*math.Sin(hue))
			if ok || chroma < 1e-3 {
				out[i] = c
				break
			}
		}
	}
	return out
}

// oklab is a colour of Oklab in sRGB; false: it is outside.
func oklab(light, a, b float64) (color.RGBA, bool) {
	cube := func(x float64) float64 { return x * x * x }
	l := cube(light + 0.3963377774*a + 0.2158037573*b)
	m := cube(light - 0.1055613458*a - 0.0638541728*b)
	s := cube(light - 0.0894841775*a - 1.2914855480*b)
	inside := true
	gamma := func(x float64) uint8 {
		inside = inside && x > -1e-4 && x < 1+1e-4
		x = min(max(x, 0), 1)
		if x <= 0.0031308 {
			x *= 12.92
		} else {
			x = 1.055*math.Pow(x, 1/2.4) - 0.055
		}
		return uint8(math.Round(255 * x))
	}
	c := color.RGBA{A: 255,
		R: gamma(4.0767416621*l - 3.3077115913*m + 0.2309699292*s),
		G: gamma(-1.2684380046*l + 2.6097574011*m - 0.3413193965*s),
		B: gamma(-0.0041960863*l - 0.7034186147*m + 1.7076147010*s)}
	return c, inside
}
