package speech

import (
	"regexp"
	"slices"
	"strings"
)

var tagForm = regexp.MustCompile(`^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}$`)

// IsLanguageTag tells whether s has the form of a BCP 47 tag such as "en", "en-GB" or "zh-Hans-CN" (RFC 5646, without extensions).
// Whether any voice speaks it is another question.
func IsLanguageTag(s string) bool { return tagForm.MatchString(s) }

// Speaks tells whether one of the voice's languages is the tag or a narrower one: a voice of "zh-CN" speaks "zh", not the reverse. Case
// does not matter.
func (v Voice) Speaks(tag string) bool {
	return slices.ContainsFunc(v.Languages, func(has string) bool {
		return strings.EqualFold(has, tag) || strings.HasPrefix(strings.ToLower(has), strings.ToLower(tag)+"-")
	})
}
