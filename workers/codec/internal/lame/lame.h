// SPDX-License-Identifier: Apache-2.0
//
// A narrow layer over libmp3lame: one mono stream of constant bit rate a handle.

#ifndef OROTUND_LAME_H
#define OROTUND_LAME_H

struct orotund_mp3;

const char *orotund_mp3_version(void);

// orotund_mp3_open returns NULL where LAME refuses the settings or memory is short. quality is LAME's, 0 (best) to 9.
struct orotund_mp3 *orotund_mp3_open(int sample_rate, int bit_rate_kbps, int quality, int reservoir);
void orotund_mp3_close(struct orotund_mp3 *m);

// orotund_mp3_bound is how many bytes a call of orotund_mp3_encode with that many samples, or of flush with 0, may write.
int orotund_mp3_bound(int samples);

// Both return the number of bytes written to out, or LAME's negative error. pcm is little-endian.
int orotund_mp3_encode(struct orotund_mp3 *m, const unsigned char *pcm, int samples, unsigned char *out, int capacity);
int orotund_mp3_flush(struct orotund_mp3 *m, unsigned char *out, int capacity);

#endif
