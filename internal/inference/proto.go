package inference

import (
	"time"

	rolev1 "github.com/orotund/orotund/api/gen/orotund/role/v1"
	"github.com/orotund/orotund/internal/speech"
)

func requestToProto(r speech.Request) *rolev1.SpeakRequest {
	m := &rolev1.SpeakRequest{
		Id: r.ID, Principal: &rolev1.Principal{Tenant: r.Principal.Tenant, Class: r.Principal.Class},
		Text: r.Text, Language: r.Language, Voice: r.Voice, Model: r.Model, Speed: r.Speed, Pitch: r.Pitch, Volume: r.Volume, Loudness: r.Loudness, Format: formatToProto(r.Format),
	}
	for _, k := range r.Timings {
		m.Timings = append(m.Timings, int32(k))
	}
	return m
}

func requestFromProto(m *rolev1.SpeakRequest) speech.Request {
	r := speech.Request{
		ID: m.GetId(), Principal: speech.Principal{Tenant: m.GetPrincipal().GetTenant(), Class: m.GetPrincipal().GetClass()},
		Text: m.GetText(), Language: m.GetLanguage(), Voice: m.GetVoice(), Model: m.GetModel(), Speed: m.GetSpeed(), Pitch: m.GetPitch(), Volume: m.GetVolume(), Loudness: m.GetLoudness(),
		Format: formatFromProto(m.GetFormat()),
	}
	for _, k := range m.GetTimings() {
		r.Timings = append(r.Timings, speech.TimingKind(k))
	}
	return r
}

func formatToProto(f speech.Format) *rolev1.Format {
	return &rolev1.Format{Encoding: string(f.Encoding), SampleRate: int32(f.SampleRate), BitRate: int32(f.BitRate)}
}

func formatFromProto(m *rolev1.Format) speech.Format {
	return speech.Format{Encoding: speech.Encoding(m.GetEncoding()), SampleRate: int(m.GetSampleRate()), BitRate: int(m.GetBitRate())}
}

func eventToProto(ev speech.Event) *rolev1.Event {
	switch ev.Kind {
	case speech.EventTiming:
		t := ev.Timing
		return &rolev1.Event{Event: &rolev1.Event_Timing{Timing: &rolev1.Timing{
			Kind: int32(t.Kind), TextOffset: int64(t.Offset), TextLength: int64(t.Length),
			StartNs: int64(t.Start), DurationNs: int64(t.Duration), Phoneme: t.Phoneme, Estimated: t.Estimated}}}
	case speech.EventWarning:
		return &rolev1.Event{Event: &rolev1.Event_Warning{Warning: ev.Warning}}
	case speech.EventSegmentEnd:
		e := ev.SegmentEnd
		return &rolev1.Event{Event: &rolev1.Event_SegmentEnd{SegmentEnd: &rolev1.SegmentEnd{
			Index: int32(e.Index), TextOffset: int64(e.Offset), TextLength: int64(e.Length), DurationNs: int64(e.Duration), StartNs: int64(e.Start)}}}
	default:
		return &rolev1.Event{Event: &rolev1.Event_Audio{Audio: ev.Audio}}
	}
}

// eventFromProto returns false for an event of a later version.
func eventFromProto(m *rolev1.Event) (speech.Event, bool) {
	switch m := m.GetEvent().(type) {
	case *rolev1.Event_Audio:
		return speech.Event{Kind: speech.EventAudio, Audio: m.Audio}, true
	case *rolev1.Event_Timing:
		t := m.Timing
		return speech.Event{Kind: speech.EventTiming, Timing: speech.Timing{
			Kind: speech.TimingKind(t.GetKind()), Offset: int(t.GetTextOffset()), Length: int(t.GetTextLength()),
			Start: time.Duration(t.GetStartNs()), Duration: time.Duration(t.GetDurationNs()), Phoneme: t.GetPhoneme(), Estimated: t.GetEstimated()}}, true
	case *rolev1.Event_Warning:
		return speech.Event{Kind: speech.EventWarning, Warning: m.Warning}, true
	case *rolev1.Event_SegmentEnd:
		e := m.SegmentEnd
		return speech.Event{Kind: speech.EventSegmentEnd, SegmentEnd: speech.SegmentEnd{
			Index: int(e.GetIndex()), Offset: int(e.GetTextOffset()), Length: int(e.GetTextLength()), Duration: time.Duration(e.GetDurationNs()), Start: time.Duration(e.GetStartNs())}}, true
	}
	return speech.Event{}, false
}

func catalogueToProto(c speech.Catalogue) *rolev1.VoicesResponse {
	m := &rolev1.VoicesResponse{}
	for _, v := range c.Voices {
		m.Voices = append(m.Voices, &rolev1.Voice{Id: v.ID, Name: v.Name, Engine: v.Engine, Languages: v.Languages, Gender: v.Gender, SampleRate: int32(v.SampleRate), Loudness: v.Loudness})
	}
	for _, p := range c.Profiles {
		m.Profiles = append(m.Profiles, &rolev1.Profile{Name: p.Name, Voices: p.Voices})
	}
	for _, x := range c.Models {
		m.Models = append(m.Models, &rolev1.Model{Id: x.ID, Engines: x.Engines})
	}
	return m
}

func catalogueFromProto(m *rolev1.VoicesResponse) speech.Catalogue {
	var c speech.Catalogue
	for _, v := range m.GetVoices() {
		c.Voices = append(c.Voices, speech.Voice{ID: v.GetId(), Name: v.GetName(), Engine: v.GetEngine(), Languages: v.GetLanguages(), Gender: v.GetGender(), SampleRate: int(v.GetSampleRate()), Loudness: v.GetLoudness()})
	}
	for _, p := range m.GetProfiles() {
		c.Profiles = append(c.Profiles, speech.Profile{Name: p.GetName(), Voices: p.GetVoices()})
	}
	for _, x := range m.GetModels() {
		c.Models = append(c.Models, speech.Model{ID: x.GetId(), Engines: x.GetEngines()})
	}
	return c
}
