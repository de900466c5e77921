package subtitle

import (
	"time"

	"github.com/orotund/orotund/internal/text"
)

// Options say what a cue may be. Zero values are the defaults, which are those of most broadcasters.
type Options struct {
	Columns     int           // the most Latin characters in a line; default 42
	WideColumns int           // the most full-width characters in a line; default 20
	Lines       int           // 1 or 2, which is the default
	Longest     time.Duration // that a cue is shown, if it is more than one word; default 7 s
	Shortest    time.Duration // that a cue is shown, unless the next one comes sooner; default 1 s
}

func (o Options) withDefaults() Options {
	if o.Columns <= 0 {
		o.Columns = 42
	}
	if o.WideColumns <= 0 {
		o.WideColumns = 20
	}
	o.Columns, o.WideColumns = min(max(o.Columns, 2), maxColumns), min(max(o.WideColumns, 2), maxColumns)
	if o.Lines != 1 {
		o.Lines = 2
	}
	if o.Longest <= 0 {
		o.Longest = 7 * time.Second
	}
	if o.Shortest <= 0 {
		o.Shortest = time.Second
	}
	o.Shortest = min(o.Shortest, o.Longest)
	return o
}

const (
	maxColumns = 1000
	maxAtoms   = 256                     // in a cue, of whatever width
	maxSilence = 1500 * time.Millisecond // between two words of one cue
	maxJoin    = time.Second             // between two cues that become one because one is very short
)

// strength says how good a place is to end a cue.
type strength uint8

const (
	inPhrase      strength = iota
	afterClause            // a comma, say
	afterSentence          // at which a cue always ends, unless it is very short
)

// atom is a part of the text that is not broken: a word with the punctuation around it, or a part of one that is longer than a line.
type atom struct {
	from, to   int // bytes of the text, without white space around
	width      int // in which a Latin character is Options.WideColumns wide, and a full-width one Options.Columns
	gap        bool
	estimated  bool
	strength   strength // of the place behind it
	start, end time.Duration
}

// layout makes cues of words.
type layout struct {
	cursor  int           // the text before it was put into atoms, or left out
	placed  int           // the end of the last atom
	atoms   []atom        // of the cue at hand; they fit
	held    []atom        // of the cue before, which waits for how long it may be shown
	hard    bool          // a paragraph ends after held
	lastEnd time.Duration // of the last cue that was written
	line    []byte
}

// begin tells that a segment's first word is at byte from. What is left between segments is shown only if it is in the same line.
func (b *Builder) begin(from int) {
	for i := from - 1; i >= b.cursor; i-- {
		if b.text[i] == '\n' || b.text[i] == '\r' {
			b.cursor = i + 1
			b.cut(len(b.atoms))
			b.hard = true
			return
		}
	}
}

// push makes atoms of the text up to byte to, in which word w is heard. final is whether the segment ends there.
func (b *Builder) push(to int, w *Word, final bool) {
	from := max(b.cursor, 0)
	b.cursor = max(b.cursor, to)
	from, to = trim(b.text, from, to)
	if from >= to {
		b.extend(w.End)
		return
	}
	a := atom{gap: spaced(b.text, b.placed, from), estimated: w.Estimated}
	total, done := max(b.width(b.text[from:to]), 1), 0
	at := func(width int) time.Duration {
		return w.Start + time.Duration(float64(w.End-w.Start)*float64(width)/float64(total))
	}
	ending := strengthOf(b.text[from:to], final)
	b.placed = to
	for from < to {
		n := b.chop(b.text[from:to])
		piece := a
		piece.from, piece.to = trim(b.text, from, from+n)
		piece.width = b.width(b.text[from : from+n])
		piece.start, piece.end = at(done), at(done+piece.width)
		done += piece.width
		from += n
		if piece.from == piece.to {
			a.gap = true
			continue
		}
		a.gap = from > piece.to || from < to && isSpaceAt(b.text, from)
		if from == to {
			piece.strength, piece.end = ending, w.End
		}
		b.place(piece)
	}
}

// extend lets what was shown last be shown until end.
func (b *Builder) extend(end time.Duration) {
	list := b.atoms
	if len(list) == 0 {
		list = b.held
	}
	if len(list) > 0 {
		last := &list[len(list)-1]
		last.end = max(last.end, end)
	}
}

// strengthOf returns how good a place the end of s is to end a cue. A full stop inside a segment is an abbreviation's.
func strengthOf(s string, final bool) strength {
	switch text.Ending(s) {
	case 0:
		return inPhrase
	case '.':
		if !final {
			return inPhrase
		}
		return afterSentence
	case '?', '!', '…':
		if final {
			return afterSentence
		}
	}
	return afterClause
}

// place adds an atom, and ends the cue at hand if it must end.
func (b *Builder) place(a atom) {
	if n := len(b.atoms); n > 0 && a.start-b.atoms[n-1].end >= maxSilence {
		b.cut(n)
	}
	b.atoms = append(b.atoms, a)
	for !b.fits(b.atoms) {
		b.cut(b.choose())
	}
	if a.strength == afterSentence {
		b.cut(len(b.atoms))
	}
}

// fits tells whether atoms may be one cue.
func (b *Builder) fits(list []atom) bool {
	if len(list) < 2 {
		return true
	}
	if len(list) > maxAtoms || list[len(list)-1].end-list[0].start > b.opts.Longest {
		return false
	}
	return b.lineBreak(list) > 0
}

// lineBreak returns how many of the atoms are the first line, all if one line is enough, and 0 if there is no way.
func (b *Builder) lineBreak(list []atom) int {
	limit, total := b.limit(), 0
	for i, a := range list {
		total += b.advance(i, a)
	}
	if total <= limit {
		return len(list)
	}
	if b.opts.Lines < 2 {
		return 0
	}
	best, cost, left := 0, 0, 0
	for i, a := range list[:len(list)-1] {
		left += b.advance(i, a)
		right := total - left - b.advance(1, list[i+1]) + list[i+1].width
		if left > limit || right > limit {
			continue
		}
		c := max(left-right, right-left)
		if a.strength == inPhrase {
			c += limit / 3
		}
		if best == 0 || c < cost {
			best, cost = i+1, c
		}
	}
	return best
}

// advance is how much wider a line gets by its i-th atom.
func (b *Builder) advance(i int, a atom) int {
	if i > 0 && a.gap {
		return a.width + b.opts.WideColumns
	}
	return a.width
}

// limit is the width of a line.
func (b *Builder) limit() int { return b.opts.Columns * b.opts.WideColumns }

// choose returns how many of the atoms at hand, which do not fit, become a cue: many, up to the end of a clause, and neither one alone nor one
// left alone.
func (b *Builder) choose() int {
	n := len(b.atoms)
	best, most := n-1, -10.0
	width := 0
	for k := 1; k < n; k++ {
		a := b.atoms[k-1]
		width += b.advance(k-1, a)
		if !b.fits(b.atoms[:k]) {
			break
		}
		score := float64(width) / float64(b.limit()*b.opts.Lines)
		if a.strength != inPhrase {
			score += 0.6
		}
		if k == 1 || k == n-1 {
			score -= 0.5
		}
		if score > most {
			best, most = k, score
		}
	}
	return best
}

// cut makes a cue of the first k atoms at hand.
func (b *Builder) cut(k int) {
	if k == 0 {
		return
	}
	next := b.atoms[:k]
	if n := len(b.held); n > 0 {
		if !b.hard && (b.small(b.held) || b.small(next)) && next[0].start-b.held[n-1].end <= maxJoin {
			b.held = append(b.held, next...)
			if b.fits(b.held) {
				b.atoms = append(b.atoms[:0], b.atoms[k:]...)
				return
			}
			b.held = b.held[:n]
		}
		b.release(next[0].start)
	}
	b.held, b.hard = append(b.held[:0], next...), false
	b.atoms = append(b.atoms[:0], b.atoms[k:]...)
}

// small tells a cue that should rather be a part of another.
func (b *Builder) small(list []atom) bool {
	return len(list) < 2 || list[len(list)-1].end-list[0].start < b.opts.Shortest
}

// release writes the cue that was held. The next one begins at next, which is negative if there is none.
func (b *Builder) release(next time.Duration) {
	if len(b.held) == 0 {
		return
	}
	first, last := b.held[0], b.held[len(b.held)-1]
	c := Cue{Start: max(first.start.Round(time.Millisecond), b.lastEnd)}
	c.End = max(last.end, c.Start+b.opts.Shortest)
	if next >= 0 {
		c.End = min(c.End, next)
	}
	c.End = max(min(c.End, c.Start+b.opts.Longest).Round(time.Millisecond), c.Start+time.Millisecond)
	at := b.lineBreak(b.held)
	if at == 0 {
		at = len(b.held)
	}
	b.line = b.appendLine(b.line[:0], b.held[:at])
	if n := len(b.line); at < len(b.held) {
		if n > 0 {
			b.line = append(b.line, '\n')
		}
		m := len(b.line)
		if b.line = b.appendLine(b.line, b.held[at:]); len(b.line) == m {
			b.line = b.line[:n]
		}
	}
	for _, a := range b.held {
		c.Estimated = c.Estimated || a.estimated
	}
	b.held = b.held[:0]
	if c.Text = string(b.line); c.Text == "" || b.err != nil {
		return
	}
	b.lastEnd = c.End
	b.fail("write cue", b.out.Cue(c))
}
