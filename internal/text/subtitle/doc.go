// Package subtitle turns the times at which words are heard into subtitles: SubRip (SRT), WebVTT, and JSON with every word's place in the
// original text in UTF-8 bytes and in UTF-16 units.
package subtitle
