// SPDX-License-Identifier: Apache-2.0
//
// A narrow layer over libflite: voices, and one utterance at a time made of given tokens, streamed, and stopped within a few
// milliseconds at any point. Several threads may speak at once; registering and unregistering a voice is the caller's to guard.

#ifndef OROTUND_FLITE_H
#define OROTUND_FLITE_H

#include <stdint.h>

// Voices, in the order of voiceNames in voice.go.
enum { OROTUND_RMS, OROTUND_SLT, OROTUND_AWB, OROTUND_KAL16, OROTUND_KAL };

// What orotund_speak returns.
enum {
	OROTUND_SPOKEN = 0,  // all audio was handed over
	OROTUND_STOPPED = 1, // cancelled, or the receiver wanted no more
	OROTUND_SILENT = 2,  // the tokens have no sound; no audio was made
	OROTUND_FAILED = -1, // flite gave up
};

struct orotund_session;

// orotund_flite_init must be called once, before all else. most is how many threads will speak at once.
void orotund_flite_init(int most);
const char *orotund_flite_version(void);

// orotund_register makes a voice ready and returns it, NULL on failure. orotund_unregister frees it; nobody may use it then.
void *orotund_register(int which);
void orotund_unregister(int which, void *voice);
int orotund_sample_rate(void *voice);

// A session carries the cancel flag. receiver is passed to the callbacks.
struct orotund_session *orotund_session_new(uintptr_t receiver);
void orotund_session_free(struct orotund_session *s);

// orotund_cancel may be called from any thread while orotund_speak runs in another.
void orotund_cancel(struct orotund_session *s);

// orotund_speak synthesises one utterance. tokens holds, for each of count tokens, three strings, each ended by a zero byte:
// the word, the punctuation before it, and the punctuation after it. stretch multiplies the voice's own durations.
int orotund_speak(struct orotund_session *s, void *voice, const char *tokens, int count, float stretch);

#endif
