package text

import "github.com/orotund/orotund/internal/speech"

// cut is a place where a segment may end.
type cut struct {
	at    int // byte
	count int // characters before it
}

// cuts are the last places of each kind where a segment that is too long may end.
type cuts struct {
	strong   cut // after a semicolon, a colon or a dash
	clause   cut // after any clause
	space    cut // after white space
	between  cut // between characters where a line may be broken
	bound    cut // after white space that holds together (10 000, Dr. Smith, 5 %), and beside tags
	grapheme cut // between any characters
}

// atSpace remembers the place after the white space at the scanner's place, which ends at byte next.
func (c *scanner) atSpace(next int) {
	place := cut{next, c.count}
	if c.clause.at == c.at { // white space after a clause is the clause's
		if c.strong.at == c.at {
			c.strong = place
		}
		c.clause = place
	}
	first, _ := c.runeAt(c.at)
	r, _ := c.runeAt(next)
	switch {
	case isDigit(r) && (isDigit(c.prev) || c.prev == ')'), r == '%' || r == '°' || r == '℃' || r == '‰', first == 0xA0 || first == 0x202F,
		(c.prev == '.' || c.prev == ',') && c.clause != place, isOpener(c.prev), r == '»' || r == '›':
		c.bound = place
	default:
		c.space = place
	}
}

// atClause remembers the scanner's place as one after a clause, which the sign r ends.
func (c *scanner) atClause(r rune) {
	place := cut{c.at, c.count}
	weak := r == '、' && c.lang != c.langs.of[kana] // Chinese has it between the items of a list
	switch r {
	case ';', '；', ':', '：', '؛', '—', '―', '–', '…', '⋯':
		c.strong = place
	case ',':
		next, _ := c.skipSpace(c.at)
		after, _ := c.runeAt(next)
		before := c.runeBefore(c.start, c.at-1)
		if isDigit(before) && isDigit(after) { // May 5, 2026
			c.bound = place
			return
		}
		weak = before == '.' // e.g., this
	}
	c.clause = place
	if !weak && c.depth == 0 {
		c.ramp.offer(place)
	}
}

// bracket counts the brackets that are open before the scanner's place.
func (c *scanner) bracket(r rune) {
	switch r {
	case '(', '[', '（', '【', '［', '〔':
		c.depth++
	case ')', ']', '）', '】', '］', '〕':
		c.depth = max(c.depth-1, 0)
	}
}

// cutShort ends a piece that has reached the limit: after a clause, else at a space, else between characters. Places in the first quarter are
// for when there is no other; what follows such a place is longer than what would fit, so the whole stays linear.
func (c *scanner) cutShort() piece {
	type choice struct {
		cut
		least    int
		boundary speech.Boundary
	}
	quarter := c.max / 4
	early := choice{cut: c.space}
	if c.between.at > early.at {
		early = choice{cut: c.between}
	}
	if c.clause.at >= early.at {
		early = choice{cut: c.clause, boundary: speech.BoundaryClause}
	}
	for _, p := range [...]choice{
		{c.strong, c.max / 2, speech.BoundaryClause}, {c.clause, quarter, speech.BoundaryClause}, {c.space, quarter, 0}, {c.between, quarter, 0},
		early, {c.bound, 0, 0}, {c.grapheme, quarter, 0},
	} {
		if p.at > c.start && p.count >= p.least {
			return c.upTo(p.at, p.boundary)
		}
	}
	return c.upTo(c.at, speech.BoundaryNone)
}

// crumb is the least weight of letters that a piece cut for the ramp may have.
const crumb = 8

// ramp makes the first segments short. Weight is 1 for a character, 2 for an East Asian one.
type ramp struct {
	limit    int // weight of the piece that it should not exceed; 0: any
	weight   int
	letters  int // weight of those that are said
	early    cut // the best place for a cut
	earlyHas int // letters before it
}

// rampLimit is the limit of the next segment.
func (s *Segmenter) rampLimit() int {
	if s.first == 0 || s.index >= 16 || s.first >= s.max>>s.index {
		return 0
	}
	return s.first << s.index
}

// add counts a character.
func (p *ramp) add(sc script, said bool) {
	n := 1
	if sc.isCJK() {
		n = 2
	}
	p.weight += n
	if said {
		p.letters += n
	}
}

// offer takes a place after a clause: the best is the last one within the limit, or the first after it.
func (p *ramp) offer(at cut) {
	if p.limit > 0 && p.letters >= crumb && (p.weight <= p.limit || p.early.at == 0) {
		p.early, p.earlyHas = at, p.letters
	}
}

// due tells that the piece should end at early: it is too long, and what follows is no crumb.
func (p *ramp) due() bool {
	return p.limit > 0 && p.weight > p.limit && p.early.at > 0 && p.letters-p.earlyHas >= crumb
}
