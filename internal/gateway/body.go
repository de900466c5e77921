package gateway

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/orotund/orotund/internal/codec"
	"github.com/orotund/orotund/internal/fault"
	"github.com/orotund/orotund/internal/speech"
)

// body is the form in which a stream leaves by HTTP.
type body interface {
	// contentType of a stream of format f.
	contentType(f speech.Format) string
	// takes tells whether events of a kind have a form here; the others are passed over.
	takes(k speech.EventKind) bool
	// event writes what an event that it takes is in this form.
	event(w io.Writer, ev speech.Event) error
	// end writes what follows the last event.
	end(w io.Writer) error
	// fail writes the error that cuts the stream off, in a form that the client cannot take for the end, and reports whether it has one.
	fail(w io.Writer, f *fault.Error) bool
}

// audioBody is the bare audio.
type audioBody struct{}

func (audioBody) contentType(f speech.Format) string { return codec.ContentType(f) }

func (audioBody) takes(k speech.EventKind) bool { return k == speech.EventAudio }

func (audioBody) event(w io.Writer, ev speech.Event) error {
	_, err := w.Write(ev.Audio)
	return err
}

func (audioBody) end(io.Writer) error { return nil }

func (audioBody) fail(io.Writer, *fault.Error) bool { return false } // the broken connection tells

// stream sends a stream as the body, each frame as soon as it is there. Nothing is sent before the first audio or timing, so that what
// goes wrong until then has a status of its own.
func (g *Gateway) stream(w http.ResponseWriter, r *http.Request, st speech.Stream, b body, warnings []string) error {
	ctx := r.Context()
	rc := http.NewResponseController(w)
	begun, heard := false, false
	for {
		ev, err := st.Next(ctx)
		switch {
		case errors.Is(err, io.EOF) && !heard:
			return fault.New(fault.Internal, "internal error").WithCause(errors.New("the stream ended without audio"))
		case errors.Is(err, io.EOF):
			if err := b.end(w); err != nil {
				return errCutOff
			}
			return nil
		case err != nil && !begun:
			return err
		case err != nil:
			return g.cutOff(w, r, b, fault.From(err), err)
		case ev.Kind == speech.EventWarning:
			if !begun {
				warnings = append(warnings, ev.Warning)
			}
			continue
		}
		heard = heard || ev.Kind == speech.EventAudio
		if !b.takes(ev.Kind) {
			continue
		}
		if !begun {
			begun = true
			begin(w, b.contentType(st.Format()), warnings)
		}
		if err := send(ctx, w, rc, b, ev); err != nil {
			return errCutOff
		}
	}
}

// cutOff tells the client that the audio ends before its time.
func (g *Gateway) cutOff(w http.ResponseWriter, r *http.Request, b body, f *fault.Error, err error) error {
	if f.Kind != fault.Canceled {
		g.log.WarnContext(r.Context(), "audio cut off", "request_id", r.Header.Get(headerRequestID), "kind", f.Kind, "err", err)
	}
	if b.fail(w, f) {
		return nil
	}
	return errCutOff
}

// begin sends the headers.
func begin(w http.ResponseWriter, contentType string, warnings []string) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "no-store")
	for _, warning := range warnings {
		h.Add(headerWarning, warning)
	}
	w.WriteHeader(http.StatusOK)
}

// send writes and flushes one event.
func send(ctx context.Context, w http.ResponseWriter, rc *http.ResponseController, b body, ev speech.Event) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := b.event(w, ev); err != nil {
		return err
	}
	return rc.Flush()
}
