// SPDX-License-Identifier: Apache-2.0

#include "flite.h"

#include <flite/flite.h>
#include <flite/flite_version.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "_cgo_export.h"

cst_voice *register_cmu_us_rms(const char *);
cst_voice *register_cmu_us_slt(const char *);
cst_voice *register_cmu_us_awb(const char *);
cst_voice *register_cmu_us_kal16(const char *);
cst_voice *register_cmu_us_kal(const char *);
void unregister_cmu_us_rms(cst_voice *);
void unregister_cmu_us_slt(cst_voice *);
void unregister_cmu_us_awb(cst_voice *);
void unregister_cmu_us_kal16(cst_voice *);
void unregister_cmu_us_kal(cst_voice *);

static const struct {
	cst_voice *(*reg)(const char *);
	void (*unreg)(cst_voice *);
} voices[] = {
	[OROTUND_RMS] = {register_cmu_us_rms, unregister_cmu_us_rms},
	[OROTUND_SLT] = {register_cmu_us_slt, unregister_cmu_us_slt},
	[OROTUND_AWB] = {register_cmu_us_awb, unregister_cmu_us_awb},
	[OROTUND_KAL16] = {register_cmu_us_kal16, unregister_cmu_us_kal16},
	[OROTUND_KAL] = {register_cmu_us_kal, unregister_cmu_us_kal},
};

// min_chunk: flite calls back once more than this many samples are there; its frames are 80 samples, so chunks are 320.
enum { min_chunk = 319 };

struct orotund_session {
	atomic_int cancelled;
	uintptr_t receiver;
	cst_utterance *utterance; // while orotund_speak runs
	float *spans;             // begin and end of each token in seconds; begin is -1 where nothing is said
	int count;                // tokens
	int started;              // whether audio was handed over
	cst_item *cut;            // the item after which the list of frames was cut, or NULL
	cst_item *cut_rest;       // what followed it
};

// cst_errmsg replaces flite's own, which prints to standard error: a worker's log must not hold what was said, and "udb failed to
// find entry for: y-k" is a part of it, in phones. The program's definition is found before the shared library's.
int cst_errmsg(const char *fmt, ...)
{
	(void)fmt;
	return 0;
}

// Cancelling inside the analysis.
//
// Two thirds of the time before the first sample of a statistical voice (rms, slt, awb) goes into one loop of flite's that
// predicts the parameters of every frame of the utterance, about 50 ms for 300 characters, and flite asks nobody whether to go
// on. But the trees that it interprets there call feature functions, which a voice may replace. We put a function of our own in
// front of those that are asked about frames. When the session is cancelled, it cuts the list of frames after the present one,
// so that the loop ends on its own and flite frees everything as it always does; the list is mended before the utterance is
// deleted. What cannot be cut short: making the list and smoothing the parameters, together about 20 ms for 300 characters.

static _Thread_local struct orotund_session *speaking; // this thread's session, or NULL

static const char *const hooked[] = {
	"lisp_cg_position_in_phrasep", "lisp_cg_phone_rindex", "lisp_cg_phone_index", "lisp_cg_phone_place",
	"lisp_cg_state_rindex",        "lisp_cg_state_index",  "lisp_cg_state_place", "lisp_cg_state_pos",
};
enum { hooks = sizeof hooked / sizeof *hooked };
static cst_ffunction original[hooks]; // the same for all voices

static const cst_val *ask(int k, const cst_item *item)
{
	struct orotund_session *s = speaking;
	// Not at the first frame: the length of a frame is taken from the times of the first two, and frames of no length would be
	// worked through to the last without a single callback.
	if (s && !s->cut && atomic_load_explicit(&s->cancelled, memory_order_relaxed) && item && item->n && item->p && item->p->p &&
	    item->relation && strcmp(relation_name(item->relation), "mcep") == 0) {
		s->cut = (cst_item *)item;
		s->cut_rest = item->n;
		s->cut->n = NULL;
	}
	return original[k](item);
}

static const cst_val *ask0(const cst_item *i) { return ask(0, i); }
static const cst_val *ask1(const cst_item *i) { return ask(1, i); }
static const cst_val *ask2(const cst_item *i) { return ask(2, i); }
static const cst_val *ask3(const cst_item *i) { return ask(3, i); }
static const cst_val *ask4(const cst_item *i) { return ask(4, i); }
static const cst_val *ask5(const cst_item *i) { return ask(5, i); }
static const cst_val *ask6(const cst_item *i) { return ask(6, i); }
static const cst_val *ask7(const cst_item *i) { return ask(7, i); }
static const cst_ffunction asks[hooks] = {ask0, ask1, ask2, ask3, ask4, ask5, ask6, ask7};

static void hook(cst_voice *v)
{
	for (int k = 0; k < hooks; k++) {
		const cst_val *f = feat_val(v->ffunctions, hooked[k]);
		if (!f || val_ffunc(f) == asks[k]) continue;
		if (!original[k]) original[k] = val_ffunc(f);
		if (original[k] == val_ffunc(f)) ff_register(v->ffunctions, hooked[k], asks[k]);
	}
}

void orotund_flite_init(int most)
{
#ifdef __GLIBC__
	// An utterance of 300 characters takes 6 MB (rms) in small pieces. glibc would keep that much for each thread that ever spoke,
	// and Go has many threads.
	mallopt(M_ARENA_MAX, most);
#else
	(void)most;
#endif
	flite_init();
}

const char *orotund_flite_version(void) { return FLITE_PROJECT_VERSION; }

void *orotund_register(int which)
{
	cst_voice *v = voices[which].reg(NULL);
	if (v) hook(v);
	return v;
}

void orotund_unregister(int which, void *voice) { voices[which].unreg(voice); }

int orotund_sample_rate(void *voice) { return get_param_int(((cst_voice *)voice)->features, "sample_rate", 0); }

struct orotund_session *orotund_session_new(uintptr_t receiver)
{
	struct orotund_session *s = calloc(1, sizeof *s);
	if (s) s->receiver = receiver;
	return s;
}

void orotund_session_free(struct orotund_session *s) { free(s); }

void orotund_cancel(struct orotund_session *s) { atomic_store(&s->cancelled, 1); }

static int cancelled(struct orotund_session *s) { return atomic_load_explicit(&s->cancelled, memory_order_relaxed); }

// tokens_into builds the Token relation that flite's own tokenizer would make.
static void tokens_into(cst_utterance *u, const char *tokens, int count)
{
	cst_relation *r = utt_relation_create(u, "Token");
	for (int i = 0; i < count; i++) {
		cst_item *t = relation_append(r, NULL);
		item_set_string(t, "name", tokens);
		tokens += strlen(tokens) + 1;
		item_set_string(t, "whitespace", i ? " " : "");
		item_set_string(t, "prepunctuation", tokens);
		tokens += strlen(tokens) + 1;
		item_set_string(t, "punc", tokens);
		tokens += strlen(tokens) + 1;
	}
}

// segment_of finds the first or last sound of a word, NULL if it has none.
static cst_item *segment_of(cst_item *word, int last)
{
	cst_item *i = item_as(word, "SylStructure");
	for (int depth = 0; i && depth < 2; depth++) i = last ? item_last_daughter(i) : item_daughter(i);
	return i ? item_as(i, "Segment") : NULL;
}

static void measure_spans(struct orotund_session *s)
{
	int k = 0;
	for (cst_item *t = relation_head(utt_relation(s->utterance, "Token")); t && k < s->count; t = item_next(t), k++) {
		float begin = -1, end = -1;
		for (cst_item *w = item_daughter(t); w; w = item_next(w)) {
			cst_item *first = segment_of(w, 0), *last = segment_of(w, 1);
			if (!first || !last) continue;
			if (begin < 0) begin = item_prev(first) ? item_feat_float(item_prev(first), "end") : 0;
			end = item_feat_float(last, "end");
		}
		s->spans[2 * k] = begin;
		s->spans[2 * k + 1] = end;
	}
}

// on_audio is flite's streaming callback.
static int on_audio(const cst_wave *w, int start, int size, int last, cst_audio_streaming_info *asi)
{
	(void)last;
	struct orotund_session *s = asi->userdata;
	if (cancelled(s)) return CST_AUDIO_STREAM_STOP;
	if (!s->started) {
		s->started = 1;
		measure_spans(s);
		orotundSpans(s->receiver, s->spans, s->count);
	}
	if (size > 0 && !orotundAudio(s->receiver, (int16_t *)w->samples + start, size)) {
		atomic_store(&s->cancelled, 1);
		return CST_AUDIO_STREAM_STOP;
	}
	return CST_AUDIO_STREAM_CONT;
}

// The steps of flite's utt_synth_tokens, so that we can look at the flag between them.
static const cst_synth_module analysis[] = {
	{"textanalysis_func", default_textanalysis},
	{"pos_tagger_func", default_pos_tagger},
	{"phrasing_func", default_phrasing},
	{"lexical_insertion_func", default_lexical_insertion},
	{"pause_insertion_func", default_pause_insertion},
	{"intonation_func", cart_intonation},
	{"postlex_func", NULL},
	{"duration_model_func", cart_duration},
	{"f0_model_func", NULL},
	{NULL, NULL},
};
static const cst_synth_module wave_synth = {"wave_synth_func", NULL};

// audible tells whether there is any sound beside the silence that flite puts at the start. The diphone voices must not be
// asked to synthesise silence alone: they read before the start of an array.
static int audible(cst_utterance *u)
{
	cst_item *first = relation_head(utt_relation(u, "Segment"));
	return first && item_next(first);
}

static int run(struct orotund_session *s)
{
	for (const cst_synth_module *m = analysis; m->hookname; m++) {
		if (cancelled(s)) return OROTUND_STOPPED;
		if (!apply_synth_module(s->utterance, m)) return OROTUND_FAILED;
	}
	if (!audible(s->utterance)) return OROTUND_SILENT;
	if (cancelled(s)) return OROTUND_STOPPED;
	cst_utterance *done = apply_synth_module(s->utterance, &wave_synth);
	if (cancelled(s)) return OROTUND_STOPPED;
	return done ? OROTUND_SPOKEN : OROTUND_FAILED;
}

int orotund_speak(struct orotund_session *s, void *voice, const char *tokens, int count, float stretch)
{
	cst_voice *v = voice;
	s->spans = calloc(count ? count : 1, 2 * sizeof *s->spans);
	if (!s->spans) return OROTUND_FAILED;
	s->count = count;
	s->started = 0;
	s->cut = s->cut_rest = NULL;
	cst_utterance *u = s->utterance = new_utterance();
	cst_audio_streaming_info *asi = new_audio_streaming_info(); // the utterance frees it
	asi->min_buffsize = min_chunk;
	asi->asc = on_audio;
	asi->userdata = s;
	feat_set(u->features, "streaming_info", audio_streaming_info_val(asi));
	feat_set_float(u->features, "duration_stretch", get_param_float(v->features, "duration_stretch", 1) * stretch);
	utt_init(u, v);
	tokens_into(u, tokens, count);

	speaking = s;
	int result = run(s);
	speaking = NULL;

	if (s->cut) s->cut->n = s->cut_rest;
	delete_utterance(u);
	s->utterance = NULL;
	free(s->spans);
	s->spans = NULL;
	return result;
}
