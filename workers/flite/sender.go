package main

import (
	enginev1 "github.com/orotund/orotund/api/gen/orotund/engine/v1"
	"github.com/orotund/orotund/internal/worker/child"
	"github.com/orotund/orotund/workers/flite/internal/english"
	"github.com/orotund/orotund/workers/flite/internal/libflite"
)

// sender passes the audio of the pieces of one request on, each word's timing before the audio in which it begins. It implements
// libflite.Receiver.
type sender struct {
	utterance *child.Utterance
	piece     []english.Token  // being spoken
	words     []libflite.Token // the same for flite
	spans     []libflite.Span
	next      int   // first token whose timing has not been sent
	base      int64 // samples before this piece
	scratch   []byte
}

var _ libflite.Receiver = (*sender)(nil)

// begin prepares for a piece.
func (s *sender) begin(piece []english.Token) {
	s.piece, s.next, s.base = piece, 0, s.utterance.Samples()
	s.spans, s.words = s.spans[:0], s.words[:0]
	for _, t := range piece {
		s.words = append(s.words, libflite.Token{Name: t.Name, Pre: t.Pre, Post: t.Post})
	}
}

// Spans implements libflite.Receiver.
func (s *sender) Spans(spans []libflite.Span) { s.spans = append(s.spans, spans...) }

// Audio implements libflite.Receiver.
func (s *sender) Audio(samples []int16) error {
	until := s.utterance.Samples() - s.base + int64(len(samples))
	for ; s.next < len(s.spans) && s.spans[s.next].Begin < until; s.next++ {
		span := s.spans[s.next]
		if span.Begin < 0 {
			continue
		}
		t := s.piece[s.next]
		if err := s.utterance.Timing(&enginev1.Timing{
			Kind:       enginev1.TimingKind_TIMING_KIND_WORD,
			TextOffset: int32(t.Offset),
			TextLength: int32(t.Length),
			Sample:     s.base + span.Begin,
			Samples:    span.End - span.Begin,
		}); err != nil {
			return err
		}
	}
	pcm := child.SampleBytes(samples, s.scratch)
	return s.utterance.Audio(pcm)
}
