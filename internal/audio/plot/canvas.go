package plot

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"sort"
	"strings"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// Sizes of text in pixels.
const (
	small = 13
	large = 18
)

// align says on which side of its place a text stands.
type align int

const (
	left   align = iota // begins at x
	centre              // around x
	right               // ends at x
)

// canvas is a picture that is drawn on.
type canvas struct {
	img   *image.RGBA
	font  *opentype.Font
	faces map[int]font.Face
}

func newCanvas(width, height int) (*canvas, error) {
	f, err := opentype.Parse(goregular.TTF)
	if err != nil {
		return nil, fmt.Errorf("parse font: %w", err)
	}
	c := &canvas{img: image.NewRGBA(image.Rect(0, 0, width, height)), font: f, faces: map[int]font.Face{}}
	for _, size := range []int{small, large} {
		c.faces[size], err = opentype.NewFace(f, &opentype.FaceOptions{Size: float64(size), DPI: 72, Hinting: font.HintingFull})
		if err != nil {
			return nil, fmt.Errorf("make font face: %w", err)
		}
	}
	draw.Draw(c.img, c.img.Rect, image.NewUniform(paper), image.Point{}, draw.Src)
	return c, nil
}

// fill paints x0..x1-1, y0..y1-1; what is not opaque lets what is below show.
func (c *canvas) fill(x0, y0, x1, y1 int, col color.RGBA) {
	draw.Draw(c.img, image.Rect(x0, y0, x1, y1), image.NewUniform(col), image.Point{}, draw.Over)
}

// vertical paints a line of one pixel's width from y0 to y1, in either order, both included.
func (c *canvas) vertical(x, y0, y1 int, col color.RGBA) {
	c.fill(x, min(y0, y1), x+1, max(y0, y1)+1, col)
}

func (c *canvas) horizontal(y, x0, x1 int, col color.RGBA) { c.fill(x0, y, x1, y+1, col) }

// frame paints the border around a rectangle.
func (c *canvas) frame(r image.Rectangle, col color.RGBA) {
	c.horizontal(r.Min.Y-1, r.Min.X-1, r.Max.X+1, col)
	c.horizontal(r.Max.Y, r.Min.X-1, r.Max.X+1, col)
	c.vertical(r.Min.X-1, r.Min.Y-1, r.Max.Y, col)
	c.vertical(r.Max.X, r.Min.Y-1, r.Max.Y, col)
}

// width is how many pixels a text takes.
func (c *canvas) width(size int, s string) int {
	return font.MeasureString(c.faces[size], c.known(s)).Ceil()
}

// text writes one line with its baseline at y, and returns where it ends.
func (c *canvas) text(x, y, size int, a align, col color.RGBA, s string) int {
	s = c.known(s)
	w := c.width(size, s)
	switch a {
	case centre:
		x -= w / 2
	case right:
		x -= w
	}
	d := font.Drawer{Dst: c.img, Src: image.NewUniform(col), Face: c.faces[size], Dot: fixed.P(x, y)}
	d.DrawString(s)
	return x + w
}

// known has "?" for what the font does not have.
func (c *canvas) known(s string) string {
	var b sfnt.Buffer
	return strings.Map(func(r rune) rune {
		if i, err := c.font.GlyphIndex(&b, r); err != nil || i == 0 {
			return '?'
		}
		return r
	}, s)
}

// fit is s, with its end cut off if it is wider than width pixels.
func (c *canvas) fit(size, width int, s string) string {
	if c.width(size, s) <= width {
		return s
	}
	runes := []rune(s)
	n := sort.Search(len(runes), func(n int) bool { return c.width(size, string(runes[:n+1])+"…") > width })
	return string(runes[:n]) + "…"
}
